//! The files of a configuration as they were at one moment, and what they amount to.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use super::environment::fill;
use super::fault::{ConfigErrors, Fault, Problem};
use super::file::{AccessNamesKeyFile, Either, File, NamesAccess, NamesKeyFile, Text, place};
use super::lower::{KeyFile, Lower, access, lower};
use super::source::Source;
use super::{Access, Snapshot, file};

/// What was read: the configuration, and the access file and the key file where it names them.
#[derive(Debug)]
pub(super) struct Written {
    config: Part,
    access: Option<Part>,
    key: Option<Part>,
}

/// A file that was to be read.
#[derive(Debug)]
struct Part {
    path: PathBuf,
    source: Result<Source, Problem>,
}

/// Two readings with the same digest hold the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Digest(u64);

impl Written {
    /// Reads `path` and what it names. What cannot be read is told by [`Written::compile`].
    pub(super) fn read(path: &Path, env: &dyn Fn(&str) -> Option<String>) -> Self {
        let config = Part::read(path.to_owned());
        let named = config.names_access(env);
        let access = named.map(|name| Part::read(directory(path).join(name)));
        let named = match &access {
            Some(access) => access.names_key_file(env),
            None => config.section_names_key_file(env),
        };
        let key = named.map(|name| Part::read(directory(path).join(name)));
        Self {
            config,
            access,
            key,
        }
    }

    /// A configuration that is in no file and names none.
    pub(super) fn of_text(name: &str, text: &str) -> Self {
        let config = Part {
            path: name.into(),
            source: Ok(Source::new(name, text)),
        };
        Self {
            config,
            access: None,
            key: None,
        }
    }

    /// The files that were read, or were to be.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.parts().map(|part| &*part.path)
    }

    fn parts(&self) -> impl Iterator<Item = &Part> {
        let named = [self.access.as_ref(), self.key.as_ref()];
        std::iter::once(&self.config).chain(named.into_iter().flatten())
    }

    /// What tells this reading from another.
    pub(super) fn digest(&self) -> Digest {
        let mut hasher = DefaultHasher::new();
        for part in self.parts() {
            part.path.hash(&mut hasher);
            match &part.source {
                Ok(source) => source.text().hash(&mut hasher),
                Err(problem) => problem.to_string().hash(&mut hasher),
            }
        }
        Digest(hasher.finish())
    }

    /// The snapshot that was described.
    ///
    /// # Errors
    /// Everything that is wrong with the files.
    pub(super) fn compile(
        self,
        env: &dyn Fn(&str) -> Option<String>,
        generation: u64,
    ) -> Result<Snapshot, ConfigErrors> {
        let key = self.key.as_ref().map(Part::key_file);
        let key = key.as_ref();
        let Part { path, source } = self.config;
        let source = source.map_err(|problem| Fault::of_file(&path, problem))?;
        let file: File = source.parse()?;
        let mut config = Lower::new(&source, env);
        let mut errors_of_access = ConfigErrors::none();
        let access = match &file.access {
            None => Access::default(),
            Some(section) => match &section.value {
                Either::Table(table) => access(table, key, &mut config),
                Either::Text(name) => {
                    let name = Text {
                        value: name.clone(),
                        place: place(section.referenced),
                    };
                    let (access, errors) = access_file(&name, self.access, key, env, &mut config);
                    errors_of_access = errors;
                    access
                }
            },
        };
        let snapshot = lower(&file, access, directory(&path), generation, &mut config);
        check_ca_file(&file, snapshot.as_ref(), &mut config);
        let mut errors = config.into_errors();
        errors.append(errors_of_access);
        match snapshot {
            Some(snapshot) if errors.is_empty() => Ok(snapshot),
            _ => Err(errors),
        }
    }
}

impl Part {
    fn read(path: PathBuf) -> Self {
        let source = Source::read(&path);
        Self { path, source }
    }

    /// The access file that the configuration names, if it does.
    fn names_access(&self, env: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
        let source = self.source.as_ref().ok()?;
        let file: NamesAccess = source.parse().ok()?;
        match file.access? {
            Either::Table(_) => None,
            Either::Text(name) => Some(fill(&name, env).ok()?.text.into()),
        }
    }

    /// The key file that the configuration's own access section names.
    fn section_names_key_file(&self, env: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
        let file: NamesKeyFile = self.source.as_ref().ok()?.parse().ok()?;
        match file.access? {
            Either::Table(access) => key_file_of(access, env),
            Either::Text(_) => None,
        }
    }

    /// The key file that an access file names.
    fn names_key_file(&self, env: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
        key_file_of(self.source.as_ref().ok()?.parse().ok()?, env)
    }

    fn key_file(&self) -> KeyFile<'_> {
        KeyFile {
            path: &self.path,
            text: self.source.as_ref().map(Source::text),
        }
    }
}

fn key_file_of(
    access: AccessNamesKeyFile,
    env: &dyn Fn(&str) -> Option<String>,
) -> Option<PathBuf> {
    let name = access.jwt?.key_file?;
    Some(fill(&name, env).ok()?.text.into())
}

/// The access of the file that `name` names, and what is wrong within it. That it cannot be
/// read is the fault of the configuration that names it.
fn access_file(
    name: &Text,
    read: Option<Part>,
    key: Option<&KeyFile<'_>>,
    env: &dyn Fn(&str) -> Option<String>,
    config: &mut Lower<'_>,
) -> (Access, ConfigErrors) {
    let mut source = None;
    config.read(name, |_| match read.map(|part| part.source) {
        None => Err(Problem::Empty),
        Some(Err(problem)) => Err(problem),
        Some(Ok(text)) => {
            source = Some(text);
            Ok(())
        }
    });
    let Some(source) = source else {
        return (Access::default(), ConfigErrors::none());
    };
    let file: file::Access = match source.parse() {
        Ok(file) => file,
        Err(fault) => return (Access::default(), fault.into()),
    };
    let mut of_access = Lower::new(&source, env);
    let access = access(&file, key, &mut of_access);
    (access, of_access.into_errors())
}

/// Refuses a `ca_file` without a certificate now, rather than each connection later.
fn check_ca_file(file: &File, snapshot: Option<&Snapshot>, config: &mut Lower<'_>) {
    let Either::Table(upstream) = &file.upstream.value else {
        return;
    };
    let path = snapshot.and_then(|snapshot| snapshot.upstream.ca_file.as_deref());
    let (Some(path), Some(written)) = (path, &upstream.ca_file) else {
        return;
    };
    match Source::read(path) {
        Ok(pem) if pem.text().contains("-----BEGIN CERTIFICATE-----") => {}
        Ok(_) => config.refuse(written.place, Problem::CaFileEmpty),
        Err(problem) => config.refuse(written.place, problem),
    }
}

/// Where relative paths of the configuration at `path` start.
fn directory(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}
