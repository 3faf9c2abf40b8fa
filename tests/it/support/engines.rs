//! The engines that SQL is run in for real: DuckDB from PyPI and PostgreSQL from the system, both by `.ci/install`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const ADVICE: &str = "run `bash .ci/install`, which installs it";

/// An engine with an empty database of its own.
pub trait Database {
    /// Runs statements and throws their result away.
    fn run(&self, sql: &str);

    /// The result of a query as CSV with its header.
    fn csv(&self, query: &str) -> String;
}

fn output(command: &mut Command, input: &str) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap_or_else(|error| {
            panic!("{command:?} cannot be started ({error}): {ADVICE}");
        });
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn successful(command: &mut Command, input: &str) -> String {
    let output = output(command, input);
    assert!(output.status.success(), "{}\n{input}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The Python that has DuckDB, pyarrow and numpy.
pub fn python() -> PathBuf {
    let cache = std::env::var_os("EVENTMIRROR_CACHE").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/eventmirror")));
    let python = cache.unwrap().join("duckdb/bin/python");
    assert!(python.is_file(), "DuckDB is not in {}: {ADVICE}", python.display());
    python
}

/// DuckDB through Python.
pub struct DuckDb {
    python: PathBuf,
    folder: tempfile::TempDir,
}

const SCRIPT: &str = "
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
connection.execute(\"SET TimeZone = 'America/New_York'\")
sql = sys.stdin.read()
if len(sys.argv) > 2:
    connection.sql(sql).write_csv(sys.argv[2])
else:
    connection.execute(sql)
";

impl DuckDb {
    pub fn start() -> DuckDb {
        DuckDb { python: python(), folder: tempfile::tempdir().unwrap() }
    }

    fn python(&self, result: Option<&Path>, sql: &str) {
        let mut command = Command::new(&self.python);
        command.arg("-c").arg(SCRIPT).arg(self.folder.path().join("db")).args(result);
        successful(&mut command, sql);
    }
}

impl Database for DuckDb {
    fn run(&self, sql: &str) {
        self.python(None, sql);
    }

    fn csv(&self, query: &str) -> String {
        let result = self.folder.path().join("result.csv");
        self.python(Some(&result), query);
        std::fs::read_to_string(result).unwrap()
    }
}

/// A PostgreSQL cluster in a temporary folder, reached by a socket in it.
pub struct Postgres {
    binaries: PathBuf,
    folder: tempfile::TempDir,
}

impl Postgres {
    pub fn start() -> Postgres {
        let folder = tempfile::Builder::new().prefix("em-pg").tempdir_in(std::env::temp_dir()).unwrap();
        let database = Postgres { binaries: binaries(), folder };
        // PostgreSQL refuses to run as root.
        if is_root() {
            successful(Command::new("chown").arg("postgres").arg(database.folder.path()), "");
        }
        let data = database.folder.path().join("data");
        database.server("initdb", &["-D", text(&data), "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync"]);
        // No port is opened. A folder's path may be too long for a socket, but not that of a temporary one.
        let options =
            format!("-c listen_addresses='' -c unix_socket_directories='{}' -F", text(database.folder.path()));
        let log = database.folder.path().join("log");
        database.server("pg_ctl", &["-D", text(&data), "-l", text(&log), "-o", &options, "-w", "start"]);
        database
    }

    /// Runs a program of the server.
    fn server(&self, program: &str, arguments: &[&str]) {
        let program = self.binaries.join(program);
        let mut command = match is_root() {
            false => Command::new(program),
            true => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
                command
            }
        };
        // A server that inherits the pipes would keep them open.
        let log = self.folder.path().with_extension("start");
        let file = || std::fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let status = command.args(arguments).stdin(Stdio::null()).stdout(file()).stderr(file()).status();
        let told = std::fs::read_to_string(&log).unwrap_or_default();
        std::fs::remove_file(&log).ok();
        let status = status.unwrap_or_else(|error| panic!("{command:?} cannot be started ({error}): {ADVICE}"));
        assert!(status.success(), "{command:?}: {told}");
    }

    fn psql(&self, arguments: &[&str], sql: &str) -> String {
        let mut command = Command::new(self.binaries.join("psql"));
        command.args(["-h", text(self.folder.path()), "-U", "postgres", "-X", "-q", "-v", "ON_ERROR_STOP=1"]);
        let zone = "SET TIME ZONE 'America/New_York'; SET client_encoding = 'UTF8';\n";
        successful(command.args(arguments), &format!("{zone}{sql}"))
    }
}

impl Database for Postgres {
    fn run(&self, sql: &str) {
        self.psql(&[], sql);
    }

    fn csv(&self, query: &str) -> String {
        self.psql(&["--csv"], query)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.folder.path().join("data");
        let stop = || self.server("pg_ctl", &["-D", text(&data), "-m", "immediate", "-w", "stop"]);
        // A second panic would end all tests.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(stop));
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn is_root() -> bool {
    successful(Command::new("id").arg("-u"), "").trim() == "0"
}

/// The folder of the newest server's programs: Debian keeps them out of the search path.
fn binaries() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.map(|entry| entry.path()).filter(|path| path.join("bin/initdb").is_file());
    match newest.max_by_key(|path| number(path)) {
        Some(folder) => folder.join("bin"),
        None => panic!("PostgreSQL is not in /usr/lib/postgresql: {ADVICE}"),
    }
}
