//! One number of a summary, which may be infinite but is never "not a number".

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number or an infinity. JSON has no infinity, so it is written as the string `"infinite"` (or `"-infinite"`);
/// what was not measured is `null`, which is `None` here.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
pub struct Reading(f64);

impl Reading {
    /// `None` if `value` is not a number.
    #[must_use]
    pub fn new(value: f64) -> Option<Self> {
        (!value.is_nan()).then(|| Self(rounded(value)))
    }

    /// The number; may be infinite.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }

    /// The number, if it is finite.
    #[must_use]
    pub fn finite(self) -> Option<f64> {
        self.0.is_finite().then_some(self.0)
    }
}

/// `value` with nine significant digits: more than was measured, and few enough that every JSON reader gives back
/// the very same number.
#[must_use]
pub fn rounded(value: f64) -> f64 {
    // Adding 0 turns −0 into 0, which would otherwise be written as `-0`.
    format!("{value:.8e}").parse().unwrap_or(value) + 0.0
}

impl Serialize for Reading {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            f64::INFINITY => serializer.serialize_str("infinite"),
            f64::NEG_INFINITY => serializer.serialize_str("-infinite"),
            number => serializer.serialize_f64(number),
        }
    }
}

impl<'de> Deserialize<'de> for Reading {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Number(f64),
            Word(String),
        }
        match Form::deserialize(deserializer)? {
            Form::Number(number) => Ok(Self(number)),
            Form::Word(word) if word == "infinite" => Ok(Self(f64::INFINITY)),
            Form::Word(word) if word == "-infinite" => Ok(Self(f64::NEG_INFINITY)),
            Form::Word(word) => Err(serde::de::Error::custom(format!("`{word}` is neither a number nor `infinite`"))),
        }
    }
}

impl JsonSchema for Reading {
    fn schema_name() -> Cow<'static, str> {
        "Reading".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number, or an infinity as a word.",
            "oneOf": [{ "type": "number" }, { "enum": ["infinite", "-infinite"] }]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infinities_survive_json_and_nan_does_not_get_in() {
        assert_eq!(Reading::new(f64::NAN), None);
        assert_eq!(Reading::new(4_337.716_249_999_999_5).unwrap().get(), 4_337.716_25);
        for (value, text) in [(1.5, "1.5"), (f64::INFINITY, "\"infinite\""), (f64::NEG_INFINITY, "\"-infinite\"")] {
            let reading = Reading::new(value).unwrap();
            assert_eq!(serde_json::to_string(&reading).unwrap(), text);
            assert_eq!(serde_json::from_str::<Reading>(text).unwrap(), reading);
        }
        assert!(serde_json::from_str::<Reading>("\"late\"").is_err());
    }
}
