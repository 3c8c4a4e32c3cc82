//! Where a side keeps its candles: a fresh directory or a fresh bucket each time.

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use tradai_timeseries::Location;

/// Gives out places.
pub(crate) struct Places {
    folder: PathBuf,
    /// `http://127.0.0.1:PORT` of an S3 server.
    server: Option<String>,
    given: Cell<u32>,
}

/// A directory or a bucket of one side alone.
pub(crate) enum Place {
    Directory(PathBuf),
    Bucket { server: String, name: String },
}

impl Places {
    pub(crate) fn new(folder: &Path, server: Option<String>) -> Self {
        Self { folder: folder.to_owned(), server, given: Cell::new(0) }
    }

    pub(crate) fn new_place(&self) -> Place {
        let number = self.given.replace(self.given.get() + 1);
        match &self.server {
            Some(server) => {
                let name = format!("bench-{}-{number}", std::process::id());
                make_bucket(server, &name);
                Place::Bucket { server: server.clone(), name }
            }
            None => {
                let directory = self.folder.join(number.to_string());
                std::fs::create_dir_all(&directory).unwrap();
                Place::Directory(directory)
            }
        }
    }
}

impl Place {
    /// Returns it as our store's location.
    pub(crate) fn location(&self) -> Location {
        match self {
            Self::Directory(directory) => Location::Directory(directory.clone()),
            Self::Bucket { server, name } => {
                let text = format!("s3://{name}/store?endpoint={server}");
                Location::parse(&text, &|variable| variable.starts_with("AWS_").then(|| "x".to_owned()))
                    .unwrap()
            }
        }
    }

    /// Returns it as ArcticDB's URI.
    pub(crate) fn arctic_uri(&self) -> String {
        match self {
            Self::Directory(directory) => format!("lmdb://{}", directory.display()),
            Self::Bucket { server, name } => {
                let port = server.rsplit_once(':').unwrap().1;
                format!("s3://127.0.0.1:{name}?port={port}&access=x&secret=x&path_prefix=bench")
            }
        }
    }

    /// Returns it as `peers.py` takes it.
    pub(crate) fn folder(&self) -> String {
        match self {
            Self::Directory(directory) => directory.display().to_string(),
            Self::Bucket { server, name } => format!("{server}/{name}"),
        }
    }

    /// Adds up the files of a directory; buckets are not asked.
    pub(crate) fn bytes(&self) -> Option<u64> {
        if let Self::Directory(directory) = self { Some(bytes_below(directory)) } else { None }
    }
}

/// Adds up the files below a folder.
pub(crate) fn bytes_below(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let bytes = |entry: std::fs::DirEntry| match entry.metadata().unwrap() {
        found if found.is_dir() => bytes_below(&entry.path()),
        found => found.len(),
    };
    entries.map(bytes).sum()
}

/// Makes a bucket by an unsigned request, which `cargo xtask s3` takes.
fn make_bucket(server: &str, name: &str) {
    let host = server.strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(host).unwrap();
    write!(
        connection,
        "PUT /{name} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
