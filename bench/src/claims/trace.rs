//! Exchanges over real sockets, as they were: what went which way, in which order. They settle what is a matter of
//! definition. Taken by `crate::exchanges`, judged by `predicates::shown`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which way bytes went.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the client.
    ToServer,
    /// From the server.
    ToClient,
    /// Nothing on the wire: the server published a quote. It tells what was pushed from what was asked for.
    Published,
}

/// Something that happened: bytes that went one way on one connection, or a quote that was published.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// The connection: 1, 2 … within the exchange; 0 where nothing went over one.
    pub connection: u32,
    /// Which way.
    pub direction: Direction,
    /// How many bytes.
    pub bytes: usize,
    /// The bytes: printable ones as they are, line ends as `\r\n`, others as `\xNN`.
    pub text: String,
}

/// What happened, in order.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Exchange {
    /// Its name.
    pub name: String,
    /// The steps.
    pub steps: Vec<Step>,
}

impl Exchange {
    /// An exchange in which nothing has happened yet.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), steps: Vec::new() }
    }

    /// Adds a step.
    pub fn add(&mut self, connection: u32, direction: Direction, bytes: &[u8]) {
        self.steps.push(Step { connection, direction, bytes: bytes.len(), text: bytes.escape_ascii().to_string() });
    }

    /// The steps that went `direction`.
    pub fn going(&self, direction: Direction) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(move |step| step.direction == direction)
    }

    /// How many connections there were.
    #[must_use]
    pub fn connections(&self) -> u32 {
        self.steps.iter().map(|step| step.connection).max().unwrap_or(0)
    }

    /// HTTP requests sent: steps to the server that begin with a method.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.going(Direction::ToServer).filter(|step| step.is_request()).count()
    }

    /// HTTP answers received.
    #[must_use]
    pub fn responses(&self) -> usize {
        self.going(Direction::ToClient).filter(|step| step.text.starts_with("HTTP/1.1 ")).count()
    }

    /// How many quotes were pushed: published, and then on the wire to the client without its saying anything in between.
    #[must_use]
    pub fn pushed(&self) -> usize {
        let follows =
            |pair: &&[Step]| pair[0].direction == Direction::Published && pair[1].direction == Direction::ToClient;
        self.steps.windows(2).filter(follows).count()
    }

    /// As text, for people: arrows and bytes.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("== {}\n", self.name);
        for step in &self.steps {
            let arrow = match step.direction {
                Direction::ToServer => "-->",
                Direction::ToClient => "<--",
                Direction::Published => {
                    text.push_str(&format!("server: {}\n", step.text));
                    continue;
                }
            };
            text.push_str(&format!("connection {} {arrow} {} bytes\n", step.connection, step.bytes));
            for line in step.text.split_inclusive("\\n") {
                text.push_str(&format!("    {line}\n"));
            }
        }
        text
    }
}

impl Step {
    /// Whether it begins an HTTP request.
    #[must_use]
    pub fn is_request(&self) -> bool {
        ["GET ", "POST "].iter().any(|method| self.text.starts_with(method))
    }

    /// What follows the head, if it holds one.
    #[must_use]
    pub fn body(&self) -> Option<&str> {
        self.text.split_once("\\r\\n\\r\\n").map(|(_, body)| body)
    }
}
