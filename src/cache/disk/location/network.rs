//! Tells network file systems, where `SQLite`'s write-ahead log and shared memory do not work between
//! machines.
//!
//! Linux only, by the magic number of `statfs`. Other systems are not asked: there a network directory is
//! used like a local one. A network disk below a local file system (iSCSI, a cloud volume) is local for this
//! purpose, and an overlay (a container's root) hides what is below it.

use std::io;
use std::path::Path;

/// `f_type` of the file systems that are refused, from the kernel's `linux/magic.h` and, for those outside of
/// it, the headers of the file system. FUSE is among them because nothing tells a local FUSE (ntfs-3g) from a
/// remote one (sshfs), and virtiofs (directories of the host in a virtual machine) says FUSE too.
const NETWORK_FILE_SYSTEMS: [(u32, &str); 22] = [
    (0x0000_6969, "NFS"),
    (0x0000_517B, "SMB"),
    (0xFE53_4D42, "SMB2"),
    (0xFF53_4D42, "CIFS"),
    (0x6573_5546, "FUSE"),
    (0x0102_1997, "9P"),
    (0x5346_414F, "AFS"),
    (0x6B41_4653, "AFS"),
    (0x00C3_6400, "Ceph"),
    (0x0BD0_0BD0, "Lustre"),
    (0x0116_1970, "GFS2"),
    (0x7461_636F, "OCFS2"),
    (0x7375_7245, "Coda"),
    (0x0000_564C, "NCP"),
    (0x4750_4653, "GPFS"),
    (0x1983_0326, "BeeGFS"),
    (0xAAD7_AAEA, "PanFS"),
    (0x2003_0528, "OrangeFS"),
    (0x6163_6673, "ACFS"),
    (0x786F_4256, "vboxsf"),
    (0xBACB_ACBC, "vmhgfs"),
    (0x7C7C_6673, "prl_fs"),
];

/// The name of the network file system that `path` is on, `None` on a local one.
#[cfg(target_os = "linux")]
pub(super) fn network_file_system(path: &Path) -> io::Result<Option<&'static str>> {
    // The field is 32 bits wide, signed or not, or 64, by the processor; the magic is in the low 32.
    let f_type = i128::from(rustix::fs::statfs(path)?.f_type) & i128::from(u32::MAX);
    Ok(u32::try_from(f_type).ok().and_then(name_of_magic))
}

#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "the same interface as where the question can fail")]
pub(super) fn network_file_system(_path: &Path) -> io::Result<Option<&'static str>> {
    Ok(None)
}

#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only Linux has the numbers"))]
fn name_of_magic(magic: u32) -> Option<&'static str> {
    NETWORK_FILE_SYSTEMS.iter().find(|(known, _)| *known == magic).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_magics_are_known_and_local_ones_are_not() {
        for (magic, name) in [(0x6969, Some("NFS")), (0x6573_5546, Some("FUSE")), (0xFF53_4D42, Some("CIFS"))]
        {
            assert_eq!(name_of_magic(magic), name);
        }
        // ext, xfs, btrfs, tmpfs, overlay, zfs.
        for magic in [0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994, 0x794C_7630, 0x2FC1_2FC1] {
            assert_eq!(name_of_magic(magic), None, "{magic:x}");
        }
    }

    #[test]
    fn magics_are_unique() {
        let mut magics: Vec<u32> = NETWORK_FILE_SYSTEMS.iter().map(|(magic, _)| *magic).collect();
        magics.sort_unstable();
        magics.dedup();
        assert_eq!(magics.len(), NETWORK_FILE_SYSTEMS.len());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn kernel_file_systems_are_local() {
        assert_eq!(network_file_system(Path::new("/proc")).expect("statfs"), None);
    }
}
