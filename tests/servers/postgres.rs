//! A PostgreSQL server of a test's own.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

/// A server, for as long as this lives.
pub struct PostgresServer {
    folder: TempDir,
    bin: PathBuf,
    port: u16,
    child: Mutex<Option<Child>>,
}

/// How the folders of servers begin.
const FOLDER: &str = "audience-postgres";

/// Beyond this a folder without a server is nobody's.
const OLD: Duration = Duration::from_secs(600);

/// The newest installed version.
fn bin() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort();
    folders.reverse();
    let program = super::program("postgres", &folders)?;
    let folder = program.parent()?.to_owned();
    // What is on the path may be a script that starts another.
    folder.join("initdb").is_file().then_some(folder)
}

/// Removes what servers of programs that were killed left behind.
fn sweep() {
    for entry in std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(FOLDER);
        let old =
            entry.metadata().and_then(|found| found.modified()).is_ok_and(|at| at.elapsed().is_ok_and(|age| age > OLD));
        if ours && old && !entry.path().join("data/postmaster.pid").exists() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

impl PostgresServer {
    /// The server that the tests of one program share; each has a schema of its own. `None`, said aloud, where none is
    /// installed.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<PostgresServer>> = OnceLock::new();
        let server = SHARED.get_or_init(|| Self::start(&[])).as_ref();
        if server.is_none() {
            super::skipped("postgres");
        }
        server
    }

    /// A server with settings of its own; `None` where none is installed.
    pub fn start(settings: &[(&str, &str)]) -> Option<Self> {
        let bin = bin()?;
        sweep();
        let folder = tempfile::Builder::new().prefix(FOLDER).tempdir().unwrap();
        if Command::new("id").arg("-u").output().unwrap().stdout == b"0\n" {
            let owned = Command::new("chown").arg("postgres").arg(folder.path()).status().unwrap();
            assert!(owned.success(), "chown");
        }
        let data = folder.path().join("data");
        let made = super::as_account("postgres", &bin.join("initdb"))
            .args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(&data)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(made.success(), "initdb");
        let server = Self { folder, bin, port: super::free_port(), child: Mutex::default() };
        let mut text = format!(
            "listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = '{}'\nfsync = off\n\
             max_connections = 200\nlog_min_messages = panic\n",
            server.port,
            server.folder.path().display()
        );
        for (name, value) in settings {
            text.push_str(&format!("{name} = '{value}'\n"));
        }
        server.append("postgresql.conf", &text);
        server.up();
        Some(server)
    }

    /// Adds to one of the server's files; it reads them when it starts.
    pub fn append(&self, file: &str, text: &str) {
        let path = self.folder.path().join("data").join(file);
        let before = std::fs::read_to_string(&path).unwrap_or_default();
        std::fs::write(&path, format!("{before}\n{text}")).unwrap();
    }

    /// Puts a file into the data folder as the server wants its keys: its own, and nobody else's to read.
    pub fn install(&self, file: &str, content: &[u8]) {
        let path = self.folder.path().join("data").join(file);
        std::fs::write(&path, content).unwrap();
        Command::new("chmod").arg("600").arg(&path).status().unwrap();
        Command::new("chown").arg("--reference").arg(self.folder.path()).arg(&path).status().unwrap();
    }

    /// Starts the server, and waits until it answers.
    pub fn up(&self) {
        let mut command = super::as_account("postgres", &self.bin.join("postgres"));
        command.arg("-D").arg(self.folder.path().join("data")).stdout(Stdio::null()).stderr(Stdio::null());
        *self.child.lock().unwrap() = Some(super::start(command));
        for _ in 0..600 {
            let ready = Command::new(self.bin.join("pg_isready"))
                .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
                .status()
                .unwrap();
            if ready.success() {
                return;
            }
            #[expect(clippy::disallowed_methods, reason = "a server of another process is waited for in real time")]
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("PostgreSQL did not start");
    }

    /// Ends the server: at once and without a word, as a crash does (`QUIT`), or in order (`INT`).
    pub fn down(&self, signal: &str) {
        if let Some(mut child) = self.child.lock().unwrap().take() {
            let _ = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
            let _ = child.wait();
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// A connection past everything that is tested.
    pub async fn client(&self, user: &str, database: &str) -> Client {
        let config = format!("host=127.0.0.1 port={} user={user} dbname={database}", self.port);
        let (client, connection) = tokio_postgres::connect(&config, NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.down("QUIT");
    }
}
