//! Where the result of a run goes: stdout, files, and the annotations of a CI step. One that cannot be written
//! takes nothing from the others.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::PathBuf;
use std::str::FromStr;

use super::exit::Failure;
use crate::report::Reporter;
use crate::report::annotations;
use crate::report::form::Form;
use crate::report::record::AtEnd;
use crate::runner::Event;

/// A file that a report is written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    path: PathBuf,
    form: Form,
}

impl FromStr for Output {
    type Err = String;

    fn from_str(path: &str) -> Result<Self, String> {
        let path = PathBuf::from(path);
        let form = Form::of_file(&path)?;
        Ok(Self { path, form })
    }
}

/// All who listen to a run, in their order.
#[derive(Default)]
pub struct Sinks<'a> {
    sinks: Vec<Sink<'a>>,
    broken: Vec<String>,
}

struct Sink<'a> {
    name: String,
    /// It is stdout, whose reader may leave when he has read enough.
    may_leave: bool,
    reporter: Box<dyn Reporter + 'a>,
    is_open: bool,
}

impl<'a> Sinks<'a> {
    /// What is written to stdout.
    pub fn stdout(&mut self, reporter: Box<dyn Reporter + 'a>) {
        self.add("the result".to_owned(), true, reporter);
    }

    /// What is written to stderr.
    pub fn stderr(&mut self, reporter: Box<dyn Reporter + 'a>) {
        self.add("to stderr".to_owned(), true, reporter);
    }

    /// What only listens.
    pub fn listener(&mut self, reporter: Box<dyn Reporter + 'a>) {
        self.add(String::new(), false, reporter);
    }

    /// What is written to a file. One that cannot be made is said at once, and again by the exit status.
    pub fn file(&mut self, output: &Output) {
        match File::create(&output.path) {
            Ok(file) => {
                let reporter = output.form.reporter(BufWriter::new(file));
                self.add(output.path.display().to_string(), false, reporter);
            }
            Err(error) => {
                let name = output.path.display().to_string();
                note!("cannot write {name}: {error}; the run goes on");
                self.broke(&name, &error);
            }
        }
    }

    /// Annotations on stderr, where this is a step of GitHub Actions.
    pub fn annotations(&mut self) {
        if std::env::var("GITHUB_ACTIONS").is_ok_and(|value| value == "true") {
            self.stderr(Box::new(AtEnd::new(io::stderr(), annotations::write)));
        }
    }

    /// Tells all of them.
    pub fn tell(&mut self, event: &Event) {
        let mut broken = Vec::new();
        for sink in self.sinks.iter_mut().filter(|sink| sink.is_open) {
            if let Err(error) = sink.reporter.event(event) {
                sink.is_open = false;
                if !(sink.may_leave && error.kind() == io::ErrorKind::BrokenPipe) {
                    broken.push((sink.name.clone(), error));
                }
            }
        }
        for (name, error) in broken {
            self.broke(&name, &error);
        }
    }

    /// Whether all was written.
    pub fn finish(self) -> Result<(), Failure> {
        match self.broken.is_empty() {
            true => Ok(()),
            false => Err(Failure::environment(self.broken.join("; "))),
        }
    }

    fn add(&mut self, name: String, may_leave: bool, reporter: Box<dyn Reporter + 'a>) {
        self.sinks.push(Sink { name, may_leave, reporter, is_open: true });
    }

    fn broke(&mut self, name: &str, error: &io::Error) {
        self.broken.push(format!("cannot write {name}: {error}"));
    }
}
