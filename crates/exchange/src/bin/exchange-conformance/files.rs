//! Reading case files.

use std::fs;
use std::path::Path;

use tradai_exchange::Json;

/// Returns the names of the folders in a folder, sorted.
pub(crate) fn folders(folder: &Path) -> Result<Vec<String>, String> {
    entries(folder, |path| path.is_dir())
}

/// Returns the names of the JSON files in a folder, without their extension, sorted; none if there is no folder.
pub(crate) fn json_files(folder: &Path) -> Result<Vec<String>, String> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let names = entries(folder, |path| path.extension().is_some_and(|extension| extension == "json"))?;
    Ok(names.into_iter().map(|name| name.trim_end_matches(".json").to_owned()).collect())
}

fn entries(folder: &Path, keep: impl Fn(&Path) -> bool) -> Result<Vec<String>, String> {
    let fault = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(fault)? {
        let path = entry.map_err(fault)?.path();
        if let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|_| keep(&path)) {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Reads a file; `None` if it is not there.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, String> {
    if !path.is_file() {
        return Ok(None);
    }
    fs::read(path).map(Some).map_err(|error| format!("{}: {error}", path.display()))
}

/// Runs a closure over every case of a file that holds a list of them; nothing if there is no file.
pub(crate) fn for_each_case(path: &Path, mut run: impl FnMut(&Json<'_>)) -> Result<(), String> {
    let Some(bytes) = read(path)? else { return Ok(()) };
    let json = Json::parse(&bytes).map_err(|error| format!("{}: {error}", path.display()))?;
    json.items().iter().for_each(&mut run);
    Ok(())
}
