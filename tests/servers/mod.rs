//! Real database servers on the loopback, started from installed binaries, and a wire that can be cut.
#![allow(dead_code, unreachable_pub, reason = "a module of several tests, none of which uses all of it")]

pub mod postgres;
pub mod wire;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

/// What a test does without a server: it says so, and fails where servers are required.
pub fn skipped(what: &str) {
    println!("skipped: {what} not installed");
    assert!(std::env::var_os("REQUIRE_SERVERS").is_none_or(|value| value != "1"), "{what} is required, not installed");
}

/// A program in one of the folders, or on the path.
fn program(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.iter().chain(&on_path).map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// Starts a process that ends with ours, also when ours is killed: the kernel tells it when the thread that started it
/// has gone, so a thread of its own starts it and stays.
fn start(mut command: Command) -> Child {
    let (told, child) = mpsc::channel();
    std::thread::spawn(move || {
        told.send(command.stdin(Stdio::null()).spawn()).unwrap();
        loop {
            std::thread::park();
        }
    });
    child.recv().unwrap().unwrap()
}

/// Runs a program as `account`, for servers that refuse to run as root; for everybody else as they are.
fn as_account(account: &str, program: &Path) -> Command {
    let root = Command::new("id").arg("-u").output().is_ok_and(|out| out.stdout.starts_with(b"0\n"));
    let setpriv = self::program("setpriv", &[]);
    let mut command = match setpriv {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.arg("--pdeathsig=QUIT");
            if root {
                command.arg(format!("--reuid={account}")).arg(format!("--regid={account}")).arg("--clear-groups");
            }
            command.arg(program);
            command
        }
        None => Command::new(program),
    };
    command.current_dir("/").env_remove("PGHOST").env_remove("PGPORT");
    command
}

/// A free port of the loopback.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
