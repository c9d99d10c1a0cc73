//! Memory limits, charge, pressure and events of this process' cgroup,
//! versions 1 and 2.
//!
//! The group is found through `/proc/self/cgroup` and the mount point through
//! `/proc/self/mountinfo`; nothing is assumed about where things are mounted.
//! From the group up to the mount point the smallest limit of each kind wins.
//! Ancestors above the mount point, as in a container with its own cgroup
//! namespace, cannot be seen and so are not counted.
//!
//! What is missing, unlimited or garbled is `None`, never an error: a machine
//! without cgroups is as normal as one with.
//!
//! All paths are taken below a root, `/` but for tests.

use std::fs;
use std::path::{Path, PathBuf};

use super::kernel_text::{parse_keyed, read_figure, read_lines, read_pressure};
use super::probe::{CgroupEvents, CgroupMemory, CgroupVersion, Psi};

/// A v1 group without a limit shows the largest page count in bytes, just
/// under 2^63 and dependent on the page size; no machine has 2^62 bytes.
const V1_NO_LIMIT: u64 = 1 << 62;

/// `memory.stat` is about 60 lines of 30 bytes and grows with the kernel.
const STAT_BUFFER: usize = 8192;

/// `memory.events` and v1 `memory.oom_control` are a few short lines.
const EVENTS_BUFFER: usize = 512;

/// The two limits, in bytes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CgroupLimits {
    pub(crate) max: Option<u64>,
    pub(crate) high: Option<u64>,
}

/// Where this process' memory cgroup and its visible ancestors lie.
#[derive(Debug)]
pub(crate) struct CgroupReader {
    version: CgroupVersion,
    /// The group itself first, then its ancestors as far as they bind it.
    levels: Vec<Level>,
}

/// The interface files of one group.
#[derive(Debug)]
struct Level {
    directory: PathBuf,
    max: PathBuf,
    high: PathBuf,
    current: PathBuf,
}

/// What the nearest group that has a charge is charged with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Charge {
    pub(crate) bytes: u64,
    level: usize,
}

impl CgroupReader {
    /// Finds the memory cgroup of this process; `None` where there is none.
    pub(crate) fn discover(root: &Path) -> Option<Self> {
        let groups = read_text(&root.join("proc/self/cgroup"))?;
        let mounts = read_text(&root.join("proc/self/mountinfo"))?;
        // A memory controller is in one hierarchy only. If v1 has it, the v2
        // tree of a hybrid system knows nothing about memory.
        let found = find_group(&groups, CgroupVersion::V1)
            .and_then(|group| find_levels(root, &mounts, group, CgroupVersion::V1));
        if found.is_some() {
            return found;
        }
        let group = find_group(&groups, CgroupVersion::V2)?;
        find_levels(root, &mounts, group, CgroupVersion::V2)
    }

    /// Smallest limits from the group up to the mount point.
    pub(crate) fn limits(&self) -> CgroupLimits {
        let smallest = |file: fn(&Level) -> &Path| {
            let limits = self.levels.iter().map(file);
            limits.filter_map(|file| self.limit(file)).min()
        };
        CgroupLimits { max: smallest(|level| &level.max), high: smallest(|level| &level.high) }
    }

    /// The charge of the nearest group that has one: without a memory
    /// controller of its own a group's memory is charged to its ancestor.
    pub(crate) fn charge(&self) -> Option<Charge> {
        let charged = |(level, at): (usize, &Level)| Some(Charge { bytes: read_figure(&at.current)?, level });
        self.levels.iter().enumerate().find_map(charged)
    }

    /// The part of that group's charge that is page cache nobody has used
    /// lately. Dearer than all else here: the kernel adds the figures up.
    pub(crate) fn reclaimable(&self, charge: Charge) -> Option<u64> {
        let key = match self.version {
            CgroupVersion::V2 => "inactive_file",
            // Without `total_` it is the group's own, while its charge is that
            // of the groups in it too.
            CgroupVersion::V1 => "total_inactive_file",
        };
        let mut buffer = [0; STAT_BUFFER];
        let file = self.levels.get(charge.level)?.directory.join("memory.stat");
        parse_keyed(read_lines(&file, &mut buffer).ok()?, key)
    }

    /// What was read before put together; `None` when it tells nothing.
    pub(crate) fn memory(
        &self,
        limits: CgroupLimits,
        charge: Option<Charge>,
        reclaimable: Option<u64>,
    ) -> Option<CgroupMemory> {
        let CgroupLimits { max, high } = limits;
        let current = charge.map(|charge| charge.bytes);
        max.or(high).or(current)?;
        // The two are not read at one moment.
        let reclaimable = reclaimable.zip(current).map(|(part, whole)| part.min(whole));
        Some(CgroupMemory { version: self.version, max, high, current, reclaimable })
    }

    /// What has happened to the nearest group that counts it.
    pub(crate) fn events(&self) -> Option<CgroupEvents> {
        self.levels.iter().find_map(|level| level.events(self.version))
    }

    /// How long the group's processes wait for memory; v2 only.
    pub(crate) fn pressure(&self) -> Option<Psi> {
        if self.version == CgroupVersion::V1 {
            return None;
        }
        self.levels.iter().find_map(|level| read_pressure(&level.directory.join("memory.pressure")))
    }

    fn limit(&self, file: &Path) -> Option<u64> {
        // v2 writes "max" for no limit, which is not a number.
        read_figure(file).filter(|bytes| self.version == CgroupVersion::V2 || *bytes < V1_NO_LIMIT)
    }
}

impl Level {
    fn new(directory: &Path, version: CgroupVersion) -> Self {
        let [max, high, current] = match version {
            CgroupVersion::V2 => ["memory.max", "memory.high", "memory.current"],
            CgroupVersion::V1 => {
                ["memory.limit_in_bytes", "memory.soft_limit_in_bytes", "memory.usage_in_bytes"]
            }
        };
        Self {
            max: directory.join(max),
            high: directory.join(high),
            current: directory.join(current),
            directory: directory.to_path_buf(),
        }
    }

    fn events(&self, version: CgroupVersion) -> Option<CgroupEvents> {
        let mut buffer = [0; EVENTS_BUFFER];
        let (file, max) = match version {
            CgroupVersion::V2 => ("memory.events", None),
            CgroupVersion::V1 => ("memory.oom_control", read_figure(&self.directory.join("memory.failcnt"))),
        };
        // v1 has `memory.failcnt` also where the other cannot be read.
        let text = read_lines(&self.directory.join(file), &mut buffer).unwrap_or_default();
        let events = CgroupEvents {
            low: parse_keyed(text, "low"),
            high: parse_keyed(text, "high"),
            max: max.or_else(|| parse_keyed(text, "max")),
            oom: parse_keyed(text, "oom"),
            oom_kill: parse_keyed(text, "oom_kill"),
        };
        (events != CgroupEvents::default()).then_some(events)
    }
}

/// The path of the process' group out of `/proc/self/cgroup`, whose lines are
/// `id:controllers:path`, v2 having id 0 and no controllers.
fn find_group(groups: &str, version: CgroupVersion) -> Option<&str> {
    groups.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (id, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let wanted = match version {
            CgroupVersion::V1 => controllers.split(',').any(|name| name == "memory"),
            CgroupVersion::V2 => id == "0" && controllers.is_empty(),
        };
        (wanted && path.starts_with('/')).then_some(path)
    })
}

/// The group's directory and its ancestors, in the mount that shows most.
fn find_levels(root: &Path, mounts: &str, group: &str, version: CgroupVersion) -> Option<CgroupReader> {
    mounts
        .lines()
        .filter_map(|line| Mount::parse(line, version))
        .filter_map(|mount| mount.directories(root, group))
        // The same hierarchy may be mounted more than once, and be hidden or
        // partial in places.
        .max_by_key(|levels| (levels.first().is_some_and(|own| own.is_dir()), levels.len()))
        .map(|directories| CgroupReader {
            version,
            levels: directories
                .iter()
                .enumerate()
                .take_while(|(depth, dir)| *depth == 0 || binds_children(dir))
                .map(|(_, dir)| Level::new(dir, version))
                .collect(),
        })
}

/// Whether the group's limits hold for the groups in it. Only old v1 kernels
/// have the file with a zero in it; it cannot change while there are children.
fn binds_children(directory: &Path) -> bool {
    read_figure(&directory.join("memory.use_hierarchy")) != Some(0)
}

/// A mounted cgroup hierarchy.
struct Mount {
    /// The group that is visible at the mount point.
    root: String,
    point: String,
}

impl Mount {
    /// Reads a line of mountinfo:
    /// `id parent major:minor root point options [tags…] - type source super`.
    fn parse(line: &str, version: CgroupVersion) -> Option<Self> {
        let (left, right) = line.split_once(" - ")?;
        let mut left = left.split(' ').skip(3);
        let (root, point) = (left.next()?, left.next()?);
        let mut right = right.split(' ');
        let (kind, options) = (right.next()?, right.nth(1));
        let wanted = match version {
            CgroupVersion::V1 => kind == "cgroup" && options?.split(',').any(|option| option == "memory"),
            CgroupVersion::V2 => kind == "cgroup2",
        };
        if !wanted {
            return None;
        }
        Some(Self { root: unescape(root)?, point: unescape(point)? })
    }

    /// Directories of the group and its ancestors up to the mount point, or
    /// `None` if the group lies outside what is mounted.
    fn directories(&self, root: &Path, group: &str) -> Option<Vec<PathBuf>> {
        let shown: Vec<&str> = components(&self.root).collect();
        let mut below = components(group);
        if !shown.is_empty() && shown.iter().all(|name| *name == "..") {
            // An ancestor of our namespace's root is mounted. What lies between
            // is not told, but the ancestor's limits do bind us.
            below = components("");
        } else if !shown.iter().all(|name| below.next() == Some(*name)) {
            return None;
        }
        let mut directory = root.to_path_buf();
        directory.extend(components(&self.point));
        let mut levels = vec![directory.clone()];
        for name in below {
            if name == ".." {
                return None; // outside our namespace, and never outside the mount
            }
            directory.push(name);
            levels.push(directory.clone());
        }
        levels.reverse();
        Some(levels)
    }
}

/// The names in a path.
fn components(path: &str) -> impl Iterator<Item = &str> + use<'_> {
    path.split('/').filter(|name| !name.is_empty() && *name != ".")
}

/// Undoes mountinfo's octal escapes (`\040` is a space).
fn unescape(field: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first == b'\\' {
            let digits = std::str::from_utf8(tail.get(..3)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 8).ok()?);
            rest = &tail[3..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

/// A whole file; bytes that are not UTF-8 make their line useless, not the file.
fn read_text(path: &Path) -> Option<String> {
    Some(String::from_utf8_lossy(&fs::read(path).ok()?).into_owned())
}

#[cfg(test)]
mod tests;
