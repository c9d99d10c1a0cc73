//! Memory limits and charge of this process' cgroup, versions 1 and 2.
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

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::probe::{CgroupMemory, CgroupVersion};

/// A v1 group without a limit shows the largest page count in bytes, just
/// under 2^63 and dependent on the page size; no machine has 2^62 bytes.
const V1_NO_LIMIT: u64 = 1 << 62;

/// A figure is at most 20 digits and a newline; a longer file is garbage.
const FIGURE_BUFFER: usize = 32;

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
    max: PathBuf,
    high: PathBuf,
    current: PathBuf,
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
    pub(crate) fn current(&self) -> Option<u64> {
        self.levels.iter().find_map(|level| read_figure(&level.current))
    }

    /// What was read before put together; `None` when it tells nothing.
    pub(crate) fn memory(&self, limits: CgroupLimits, current: Option<u64>) -> Option<CgroupMemory> {
        let CgroupLimits { max, high } = limits;
        max.or(high).or(current)?;
        Some(CgroupMemory { version: self.version, max, high, current })
    }

    fn limit(&self, file: &Path) -> Option<u64> {
        // v2 writes "max" for no limit, which is not a number.
        read_figure(file).filter(|bytes| self.version == CgroupVersion::V2 || *bytes < V1_NO_LIMIT)
    }
}

impl Level {
    fn new(directory: &Path, version: CgroupVersion) -> Self {
        match version {
            CgroupVersion::V2 => Self {
                max: directory.join("memory.max"),
                high: directory.join("memory.high"),
                current: directory.join("memory.current"),
            },
            CgroupVersion::V1 => Self {
                max: directory.join("memory.limit_in_bytes"),
                high: directory.join("memory.soft_limit_in_bytes"),
                current: directory.join("memory.usage_in_bytes"),
            },
        }
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

/// A file that holds one whole number; `None` for anything else.
fn read_figure(path: &Path) -> Option<u64> {
    let mut buffer = [0; FIGURE_BUFFER];
    let count = File::open(path).ok()?.read(&mut buffer).ok()?;
    let text = buffer.get(..count).filter(|text| text.len() < FIGURE_BUFFER)?;
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests;
