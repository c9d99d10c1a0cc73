//! One cache for all that name the same directory and namespace in this process, worker threads included.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, LazyLock, Weak};
use std::time::Duration;

use parking_lot::Mutex;

use super::config::CacheConfig;
use super::disk::queue::Command;
use super::manager::CacheManager;
use super::patience::Patience;
use crate::base::clock::Clock;

type Place = (PathBuf, String);

#[derive(Default)]
struct Shared {
    manager: Weak<CacheManager>,
    /// Opened and not closed.
    users: usize,
}

static SHARED: LazyLock<Mutex<HashMap<Place, Shared>>> = LazyLock::new(Mutex::default);

/// A cache that is open for one user of it. Dropped without [`OpenCache::close`], the cache is left to itself.
#[derive(Debug)]
pub struct OpenCache {
    manager: Arc<CacheManager>,
    place: Option<Place>,
    is_open: AtomicBool,
}

impl OpenCache {
    /// The cache of `config`'s directory and namespace if one is open in this process, which then has this configuration, else
    /// a new one. Caches without a disk are never shared.
    pub fn open(config: CacheConfig, cwd: PathBuf, clock: Arc<dyn Clock>) -> Self {
        let place = (config.persist_to_disk && !clock.is_driven())
            .then(|| (identity(&cwd.join(config.dir())), config.namespace.clone().unwrap_or_default()));
        let manager = match &place {
            None => CacheManager::new(config, cwd, clock),
            Some(place) => {
                let mut shared = SHARED.lock();
                let known = shared.entry(place.clone()).or_default();
                let open = known.manager.upgrade().filter(|manager| manager.is_at(&place.0));
                let is_known = open.is_some();
                let manager = open.unwrap_or_else(|| {
                    *known = Shared::default();
                    CacheManager::new(config.clone(), cwd, clock)
                });
                known.manager = Arc::downgrade(&manager);
                known.users += 1;
                // Others may open theirs meanwhile.
                drop(shared);
                if is_known {
                    // The same directory, perhaps as another working directory sees it.
                    let cache_dir = manager.config().cache_dir;
                    manager.reconfigure(CacheConfig { cache_dir, ..config });
                }
                manager
            }
        };
        Self { manager, place, is_open: AtomicBool::new(true) }
    }

    /// The cache.
    pub fn manager(&self) -> &Arc<CacheManager> {
        &self.manager
    }

    /// Whether this use of it has not ended.
    pub fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Acquire)
    }

    /// Ends this use: all that was stored is written; the last user's end closes the cache. Idempotent. Blocks.
    pub fn close(&self) {
        if !self.is_open.swap(false, Ordering::AcqRel) {
            return;
        }
        if self.is_last() {
            self.manager.close();
        } else {
            // Whoever still uses it is told by events and statistics if this fails.
            let _ = self.manager.flush(false);
        }
    }

    fn is_last(&self) -> bool {
        let Some(place) = &self.place else { return true };
        let mut shared = SHARED.lock();
        let Some(known) =
            shared.get_mut(place).filter(|known| known.manager.as_ptr() == Arc::as_ptr(&self.manager))
        else {
            return true;
        };
        known.users -= 1;
        let is_last = known.users == 0;
        if is_last {
            shared.remove(place);
        }
        is_last
    }
}

impl Drop for OpenCache {
    fn drop(&mut self) {
        if self.is_open.swap(false, Ordering::AcqRel) {
            self.is_last();
        }
    }
}

/// Writes what waits in every shared cache of the process; it is about to end. Blocks, about `deadline` at most for each, however
/// much waits and whoever goes on storing.
pub fn flush_all(deadline: Duration) {
    let open: Vec<_> = SHARED.lock().values().filter_map(|shared| shared.manager.upgrade()).collect();
    for manager in open {
        flush_within(&manager, Patience::new(deadline));
    }
}

fn flush_within(manager: &CacheManager, mut time: Patience) {
    while !time.is_over() {
        let refused = time.spend(|_| manager.write_memory_only());
        let disk = manager.disk().filter(|disk| disk.is_started() && disk.queue.len() > 0);
        let answer = disk.and_then(|disk| disk.queue.order(Command::Flush { sync: false }));
        // What cannot be written now is lost: it is too late to tell anybody.
        let is_written = answer.is_some_and(|answer| {
            loop {
                match time.spend(|most| answer.recv_timeout(most)) {
                    Err(RecvTimeoutError::Timeout) if !time.is_over() => {}
                    answer => break matches!(answer, Ok(Ok(_))),
                }
            }
        });
        if refused == 0 || !is_written {
            break;
        }
    }
}

/// The same for all names of a directory, whether it is there or not.
pub(crate) fn identity(path: &Path) -> PathBuf {
    let mut missing = Vec::new();
    let mut present = path;
    loop {
        if let Ok(real) = present.canonicalize() {
            return missing.iter().rev().fold(real, |path, name| path.join(name));
        }
        match (present.file_name(), present.parent()) {
            (Some(name), Some(parent)) => {
                missing.push(name.to_owned());
                present = parent;
            }
            _ => return path.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
