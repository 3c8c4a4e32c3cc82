//! A container engine of this machine, and images of programs that are on it: no registry is asked.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Returns the socket of an engine that answers: what `DOCKER_HOST` names, or Docker's own. Without one it says so in a
/// line, and the test that asked is skipped.
#[must_use]
pub fn socket() -> Option<PathBuf> {
    let named = std::env::var("DOCKER_HOST").ok();
    let named = named.as_deref().and_then(|host| host.strip_prefix("unix://"));
    let socket = PathBuf::from(named.unwrap_or("/var/run/docker.sock"));
    if ask(&socket, "GET /_ping", &[]).is_ok_and(|reply| reply.starts_with("HTTP/1.1 200")) {
        return Some(socket);
    }
    println!("skipped: no container engine at {}", socket.display());
    None
}

/// An image of nothing but programs of this machine and the libraries that they load; removed when dropped.
#[derive(Debug)]
pub struct Image {
    socket: PathBuf,
    name: String,
}

impl Image {
    /// Makes the image, whose files have the paths that they have here. `name` is not to be another test's.
    ///
    /// # Panics
    /// When a program is not there, or the engine does not take the image.
    #[must_use]
    pub fn of(socket: &Path, name: &str, programs: &[&Path], entrypoint: &[&str]) -> Self {
        let mut files = BTreeSet::new();
        for program in programs {
            files.insert(program.to_path_buf());
            files.extend(libraries(program));
        }
        // Leading slashes are left out of an archive, links are followed.
        let mut tar = Command::new("tar");
        tar.args(["--create", "--dereference", "--file=-", "--directory=/"]);
        tar.args(files.iter().map(|file| file.strip_prefix("/").unwrap_or(file)));
        let archive = tar.stderr(Stdio::inherit()).output().unwrap();
        assert!(archive.status.success(), "tar: {}", archive.status);
        let entrypoint = encoded(&format!("ENTRYPOINT {}", serde_json::json!(entrypoint)));
        let import = format!("POST /images/create?fromSrc=-&repo={name}&tag=latest&changes={entrypoint}");
        let reply = ask(socket, &import, &archive.stdout).unwrap();
        assert!(reply.starts_with("HTTP/1.1 200") && !reply.contains("\"error\""), "{reply}");
        Self { socket: socket.to_owned(), name: format!("{name}:latest") }
    }

    /// Returns the image's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let asked = ask(&self.socket, &format!("DELETE /images/{}?force=true", self.name), &[]);
        if let Err(error) = asked {
            println!("the image {} stays: {error}", self.name);
        }
    }
}

/// Sends a request to an engine, and returns the reply as it came.
///
/// # Errors
/// When nobody listens, or the connection breaks.
pub fn ask(socket: &Path, request: &str, body: &[u8]) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    let length = body.len();
    let head = format!(
        "{request} HTTP/1.1\r\nHost: engine\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply)?;
    Ok(String::from_utf8_lossy(&reply).into_owned())
}

/// What the loader would load.
fn libraries(program: &Path) -> BTreeSet<PathBuf> {
    let listed = Command::new("ldd").arg(program).output().unwrap();
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    text.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from).collect()
}

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").unwrap();
        }
        encoded
    })
}
