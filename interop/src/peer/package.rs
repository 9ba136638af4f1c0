//! The package managers that we know how to ask: which one is here, and what to type.

use std::ffi::OsString;
use std::fmt;

use rustix::process::geteuid;

/// A package manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Manager {
    /// Debian, Ubuntu.
    Apt,
    /// Fedora.
    Dnf,
    /// Arch.
    Pacman,
    /// Alpine.
    Apk,
    /// macOS.
    Brew,
}

impl Manager {
    const ALL: [Self; 5] = [Self::Apt, Self::Dnf, Self::Pacman, Self::Apk, Self::Brew];

    /// The first that is on PATH.
    #[must_use]
    pub fn detect() -> Option<Self> {
        Self::ALL.into_iter().find(|manager| which::which(manager.program()).is_ok())
    }

    /// The names of all, as keys of a manifest's `install`.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        Self::ALL.map(Self::name).to_vec()
    }

    /// Its key in a manifest's `install`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Apt => "apt",
            Self::Dnf => "dnf",
            Self::Pacman => "pacman",
            Self::Apk => "apk",
            Self::Brew => "brew",
        }
    }

    const fn program(self) -> &'static str {
        match self {
            Self::Apt => "apt-get",
            other => other.name(),
        }
    }

    /// What refreshes its list of packages, where that has to be done before the first install.
    #[must_use]
    pub fn refresh(self) -> Option<Command> {
        matches!(self, Self::Apt).then(|| self.command(&["update"]))
    }

    /// What installs packages without a question.
    #[must_use]
    pub fn install(self, packages: &[&str]) -> Command {
        let verb: &[&str] = match self {
            Self::Apt => &["install", "-y", "--no-install-recommends"],
            Self::Dnf => &["install", "-y"],
            Self::Pacman => &["-S", "--noconfirm", "--needed"],
            Self::Apk => &["add"],
            Self::Brew => &["install"],
        };
        self.command(&[verb, packages].concat())
    }

    fn command(self, arguments: &[&str]) -> Command {
        // Homebrew refuses to run as root; all others need it.
        let sudo = self != Self::Brew && !geteuid().is_root();
        let words = sudo.then_some("sudo").into_iter().chain([self.program()]);
        Command(words.chain(arguments.iter().copied()).map(str::to_owned).collect())
    }
}

/// A command for the user's terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command(Vec<String>);

impl Command {
    /// Its program and arguments.
    #[must_use]
    pub fn argv(&self) -> Vec<OsString> {
        self.0.iter().map(OsString::from).collect()
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

/// What brings a missing program: one or more names of one package manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    manager: Manager,
    names: Vec<String>,
}

impl Package {
    /// `names` may be several, with white space between.
    #[must_use]
    pub fn new(manager: Manager, names: &str) -> Self {
        Self { manager, names: names.split_whitespace().map(str::to_owned).collect() }
    }

    /// The packages' names.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// What to type.
    #[must_use]
    pub fn command_line(&self) -> String {
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        self.manager.install(&names).to_string()
    }
}
