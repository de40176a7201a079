//! What the table and the queue share: opening a database file that is ours alone.

use crate::StoreError;
use rusqlite::{Connection, ErrorCode};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Takes `path` for this process until the file is closed; the kernel lets go of it even after a kill.
pub(crate) fn lock(path: PathBuf) -> Result<File, StoreError> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|e| io(&path, e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::Error(e)) => Err(io(&path, e)),
        Err(TryLockError::WouldBlock) => Err(StoreError::Unavailable(format!(
            "{} is held by another process: stop that one, or use another data directory",
            path.display()
        ))),
    }
}

pub(crate) fn io(path: &Path, error: std::io::Error) -> StoreError {
    StoreError::Unavailable(format!("{}: {error}", path.display()))
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error::{
            FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType,
        };
        let damaged = matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        ) || matches!(
            error,
            FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..)
        );
        if damaged {
            Self::Corrupt(error.to_string())
        } else {
            Self::Unavailable(error.to_string())
        }
    }
}

/// `path` with `.lock` after it.
pub(crate) fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

/// Readies a connection that writes: pragmas, then the schema where there is none.
pub(crate) fn prepare(
    conn: &mut Connection,
    synchronous: &str,
    version: i64,
    schema: &str,
) -> Result<(), StoreError> {
    conn.busy_timeout(Duration::from_secs(5))?;
    conn.set_prepared_statement_cache_capacity(64);
    conn.execute_batch(
        "PRAGMA secure_delete = ON; PRAGMA journal_mode = WAL; PRAGMA temp_store = MEMORY;
         PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;",
    )?;
    conn.pragma_update(None, "synchronous", synchronous)?;
    let found: i64 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found == 0 {
        let tx = conn.transaction()?;
        tx.execute_batch(schema)?;
        tx.pragma_update(None, "user_version", version)?;
        tx.commit()?;
    } else if found != version {
        return Err(StoreError::Invalid(format!(
            "the data has schema version {found}, this program reads version {version}: \
             use the program that wrote it, or another data directory"
        )));
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_as_durable_as_it_is_said_to_be_and_of_one_version() {
        let dir = tempfile::tempdir().unwrap();
        let mut conn = Connection::open(dir.path().join("x.db")).unwrap();
        prepare(&mut conn, "FULL", 3, "CREATE TABLE t (x)").unwrap();
        let pragma = |name| {
            conn.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0))
                .unwrap()
        };
        assert_eq!(pragma("synchronous"), 2.into());
        assert_eq!(pragma("secure_delete"), 1.into());
        assert_eq!(pragma("journal_mode"), "wal".to_owned().into());
        prepare(&mut conn, "FULL", 3, "not run again").unwrap();
        let refused = prepare(&mut conn, "FULL", 4, "").unwrap_err();
        assert!(
            matches!(&refused, StoreError::Invalid(why) if why.contains("version 3")),
            "{refused}"
        );
    }
}
