//! Linux's /proc, as far as it is read here. Where there is none, nothing is known.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read;
use std::sync::OnceLock;

use rustix::process::Pid;

use crate::limits;

/// What one line says of a process or a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    pub pid: Pid,
    pub state: char,
    pub parent: Option<Pid>,
    pub group: Option<Pid>,
    pub session: Option<Pid>,
    /// Its processor time, in user and system mode together, in ticks.
    pub ticks: u64,
    /// When it started, in ticks since the boot: with the id, a name that is not used twice.
    pub start: u64,
}

impl Stat {
    pub fn of(pid: Pid) -> Option<Self> {
        Self::read(&format!("/proc/{pid}/stat"))
    }

    pub fn of_thread(pid: Pid, thread: Pid) -> Option<Self> {
        Self::read(&format!("/proc/{pid}/task/{thread}/stat"))
    }

    fn read(path: &str) -> Option<Self> {
        let mut room = [0; 1024];
        Self::parse(&String::from_utf8_lossy(read_short(path, &mut room)?))
    }

    fn parse(line: &str) -> Option<Self> {
        // The name is between brackets, and may itself hold brackets, spaces and newlines.
        let (before, after) = line.rsplit_once(')')?;
        let pid = before.split(' ').next()?.parse().ok().and_then(Pid::from_raw)?;
        // The state is the third field of the manual's numbering, and the first of these.
        let fields: Vec<&str> = after.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3).copied();
        let id = |number: usize| Some(Pid::from_raw(field(number)?.parse::<i32>().ok()?.max(0)));
        Some(Self {
            pid,
            state: field(3)?.chars().next()?,
            parent: id(4)?,
            group: id(5)?,
            session: id(6)?,
            ticks: field(14)?.parse::<u64>().ok()? + field(15)?.parse::<u64>().ok()?,
            start: field(22)?.parse().ok()?,
        })
    }

    /// Whether it has ended, and only waits for somebody to ask how.
    pub const fn is_dead(&self) -> bool {
        matches!(self.state, 'Z' | 'X')
    }
}

/// Who is whose child, at one moment.
pub(super) struct Tree {
    /// What a look at every process said, where the kernel keeps no lists of children
    /// (`CONFIG_PROC_CHILDREN`). With the lists the cost is that of the processes asked for.
    looked: Option<HashMap<Pid, Vec<Pid>>>,
}

impl Tree {
    pub fn now() -> Self {
        static LISTS: OnceLock<bool> = OnceLock::new();
        let lists =
            *LISTS.get_or_init(|| fs::exists("/proc/thread-self/children").unwrap_or(false));
        Self { looked: (!lists).then(look) }
    }

    /// The children of a process, those of all of its threads.
    pub fn children(&self, pid: Pid) -> Vec<Pid> {
        if let Some(looked) = &self.looked {
            return looked.get(&pid).cloned().unwrap_or_default();
        }
        let list = |thread| {
            let path = format!("/proc/{pid}/task/{thread}/children");
            fs::read_to_string(path).unwrap_or_default()
        };
        let lists: String = threads(pid).map(list).collect::<Vec<_>>().join(" ");
        lists.split_whitespace().filter_map(|id| Pid::from_raw(id.parse().ok()?)).collect()
    }
}

fn look() -> HashMap<Pid, Vec<Pid>> {
    let mut looked: HashMap<_, Vec<_>> = HashMap::new();
    for Stat { pid, parent, .. } in everybody().filter_map(Stat::of) {
        if let Some(parent) = parent {
            looked.entry(parent).or_default().push(pid);
        }
    }
    looked
}

/// All processes that we may see.
pub(super) fn everybody() -> impl Iterator<Item = Pid> {
    ids("/proc")
}

/// The threads of a process, the main one among them.
pub(super) fn threads(pid: Pid) -> impl Iterator<Item = Pid> {
    ids(&format!("/proc/{pid}/task")).take(limits::THREADS)
}

fn ids(folder: &str) -> impl Iterator<Item = Pid> + use<> {
    let entries = cfg!(target_os = "linux").then(|| fs::read_dir(folder).ok()).flatten();
    entries
        .into_iter()
        .flatten()
        .filter_map(|entry| Pid::from_raw(entry.ok()?.file_name().to_str()?.parse().ok()?))
}

/// The value of a variable in the environment that a process was started with. A dead one has none, and
/// neither has one that wrote its title over it.
pub(super) fn variable(pid: Pid, name: &str) -> Option<String> {
    let environment = read_whole(pid, "environ")?;
    let value = environment
        .split(|&byte| byte == 0)
        .find_map(|variable| variable.strip_prefix(name.as_bytes())?.strip_prefix(b"="))?;
    Some(String::from_utf8_lossy(value).into_owned())
}

/// The command of a process, for people.
pub(super) fn command(pid: Pid) -> Option<String> {
    let words = read_whole(pid, "cmdline")?;
    let words: Vec<_> = words.split(|&byte| byte == 0).map(String::from_utf8_lossy).collect();
    let line: String = words.join(" ").trim_end().chars().take(limits::TAIL_LINE).collect();
    if !line.is_empty() {
        return Some(line);
    }
    let name = read_whole(pid, "comm")?;
    Some(format!("[{}]", String::from_utf8_lossy(&name).trim_end()))
}

fn read_whole(pid: Pid, file: &str) -> Option<Vec<u8>> {
    let file = cfg!(target_os = "linux").then(|| File::open(format!("/proc/{pid}/{file}")).ok());
    let mut content = Vec::new();
    file.flatten()?.take(limits::ENVIRONMENT).read_to_end(&mut content).ok()?;
    Some(content)
}

/// Reads a file of a few lines by one system call.
pub(super) fn read_short<'a>(path: &str, room: &'a mut [u8]) -> Option<&'a [u8]> {
    let file = cfg!(target_os = "linux").then(|| File::open(path).ok());
    let len = file.flatten()?.read(room).ok()?;
    room.get(..len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_whatever_the_name_of_the_program() {
        let line = "77 (a) b (c) S 12 13 14 0 -1 4194304 1 2 3 4 50 6 7 8 20 0 1 0 987 1000 2 3";
        let pid = |id| Pid::from_raw(id);
        let stat = Stat::parse(line).unwrap();
        assert_eq!((Some(stat.pid), stat.state), (pid(77), 'S'));
        assert_eq!((stat.parent, stat.group, stat.session), (pid(12), pid(13), pid(14)));
        assert_eq!((stat.ticks, stat.start), (56, 987));
        for len in 0..line.find("987").unwrap() {
            assert_eq!(Stat::parse(&line[..len]), None);
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_child_is_found_with_the_kernels_lists_and_without() {
        let argv = ["sleep", "1000"].map(std::ffi::OsString::from);
        let mut child = crate::peer::spawn::peer(&argv, "/".as_ref(), []).await.unwrap();
        let id = Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
        for tree in [Tree::now(), Tree { looked: Some(look()) }] {
            assert!(tree.children(rustix::process::getpid()).contains(&id));
            assert_eq!(tree.children(id), []);
        }
        child.kill().await.unwrap();
    }
}
