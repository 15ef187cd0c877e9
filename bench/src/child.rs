//! The two processes of a trial: this same program started again, spoken to by JSON lines.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::link::Link;
#[cfg(target_os = "linux")]
use crate::link::move_into;

/// The program that children run.
///
/// # Errors
/// When the system does not tell which file this program is.
pub fn program() -> Result<PathBuf> {
    std::env::current_exe().context("cannot find this program's own file")
}

/// A child of this process that ends with it.
#[derive(Debug)]
pub struct Process {
    what: &'static str,
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts `wirerace ARGUMENTS`. `what` names it in errors.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(what: &'static str, arguments: &[String]) -> Result<Self> {
        Self::begin(what, Self::command(arguments)?)
    }

    /// Starts `wirerace ARGUMENTS` at the clients' end of a link.
    ///
    /// # Errors
    /// See [`Self::start`].
    #[cfg(target_os = "linux")]
    #[allow(unsafe_code)]
    pub fn start_beyond(link: &Link, what: &'static str, arguments: &[String]) -> Result<Self> {
        let mut command = Self::command(arguments)?;
        let link = link.clone();
        // SAFETY: between fork and exec the closure makes one system call, on a descriptor that the link keeps open; it
        // takes no lock and allocates nothing.
        unsafe { command.pre_exec(move || move_into(link.clients_namespace())) };
        Self::begin(what, command)
    }

    /// There are no links on this system.
    ///
    /// # Errors
    /// Never: it cannot be called.
    #[cfg(not(target_os = "linux"))]
    pub fn start_beyond(link: &Link, _: &'static str, _: &[String]) -> Result<Self> {
        match *link {}
    }

    fn command(arguments: &[String]) -> Result<Command> {
        let mut command = Command::new(program()?);
        command.args(arguments);
        Ok(command)
    }

    fn begin(what: &'static str, mut command: Command) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own: Ctrl-C on the terminal reaches the parent alone, which ends its children in order.
        command.process_group(0).kill_on_drop(true);
        let mut child = command.spawn().with_context(|| format!("cannot start the {what} process"))?;
        let missing = || anyhow!("the {what} process has no pipes");
        let stdin = child.stdin.take().ok_or_else(missing)?;
        let stdout = child.stdout.take().ok_or_else(missing)?;
        Ok(Self { what, child, stdin, lines: BufReader::new(stdout).lines() })
    }

    /// Sends one line of JSON.
    ///
    /// # Errors
    /// When the child is gone.
    pub async fn send(&mut self, message: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(message).context("cannot write a message to a child")?;
        line.push(b'\n');
        if self.stdin.write_all(&line).await.is_err() {
            return Err(self.died().await);
        }
        Ok(())
    }

    /// Waits for one line of JSON.
    ///
    /// # Errors
    /// When none comes in time, the child is gone, or the line is something else.
    pub async fn receive<M: DeserializeOwned>(&mut self, deadline: Duration) -> Result<M> {
        match tokio::time::timeout(deadline, self.lines.next_line()).await {
            Err(_) => bail!("the {} process said nothing for {} s", self.what, deadline.as_secs()),
            Ok(Ok(Some(line))) => serde_json::from_str(&line)
                .with_context(|| format!("the {} process said something unexpected: {line}", self.what)),
            Ok(_) => Err(self.died().await),
        }
    }

    /// What happened to it, if it has ended.
    pub async fn death(&mut self) -> Option<anyhow::Error> {
        match self.child.try_wait() {
            Ok(None) => None,
            _ => Some(self.died().await),
        }
    }

    /// What the child said when it died.
    async fn died(&mut self) -> anyhow::Error {
        let mut said = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            let _ = tokio::time::timeout(Duration::from_secs(1), stderr.read_to_string(&mut said)).await;
        }
        let status = tokio::time::timeout(Duration::from_secs(1), self.child.wait()).await;
        let status = match status {
            Ok(Ok(status)) => status.to_string(),
            _ => "status unknown".to_owned(),
        };
        let said = said.trim();
        let words = if said.is_empty() { String::new() } else { format!(": {said}") };
        anyhow!("the {} process died ({status}){words}; run again, the trials already done are kept", self.what)
    }

    /// Its process id.
    ///
    /// # Errors
    /// When it has ended already.
    pub fn id(&self) -> Result<u32> {
        self.child.id().with_context(|| format!("the {} process has ended", self.what))
    }

    /// Waits until it has ended by itself, or ends it after `deadline`.
    pub async fn end(mut self, deadline: Duration) {
        drop(self.stdin);
        if tokio::time::timeout(deadline, self.child.wait()).await.is_err() {
            // Already gone is as good.
            let _ = self.child.kill().await;
        }
    }
}

/// Called in a child: end when the parent does, even when it is killed without a chance to say so.
pub fn follow_parent_to_the_end() {
    #[cfg(target_os = "linux")]
    {
        // Refused nowhere known; the closed stdin pipe ends the child all the same.
        let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    }
}
