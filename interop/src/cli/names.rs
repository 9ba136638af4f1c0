//! Names of which there are a few: whoever mistypes one is told which may have been meant, and completions know them.

use std::error::Error;
use std::fmt::Display;
use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};

/// Takes the name of one of these.
pub fn one_of<T, const N: usize>(all: [T; N]) -> impl TypedValueParser<Value = T>
where
    T: Display + Copy + Send + Sync + 'static,
{
    let names = PossibleValuesParser::new(all.map(|it| it.to_string()));
    let named = move |name: String| all.into_iter().find(|it| it.to_string() == name);
    names.try_map(move |name| named(name).ok_or("no such name"))
}

/// Takes one of these names, which are all that can be read.
pub fn named<T>(names: Vec<&'static str>) -> impl TypedValueParser<Value = T>
where
    T: FromStr + Clone + Send + Sync + 'static,
    T::Err: Into<Box<dyn Error + Send + Sync>>,
{
    PossibleValuesParser::new(names).try_map(|name| name.parse())
}
