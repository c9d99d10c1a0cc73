//! A small file system of its own for tests of full and read-only disks.
//!
//! Made by the kernel and not by a program: one that is being started has a copy of every descriptor of this process until it
//! runs, and with it locks, listeners and open files that other tests have just let go of.

use std::path::{Path, PathBuf};

/// A file system in memory, as long as it lives. Only root can have one.
#[derive(Debug)]
pub(crate) struct Mounted(PathBuf);

#[cfg(target_os = "linux")]
impl Mounted {
    /// Over the directory `path`, of a size as `mount` takes it; `None`, which is said, where that is not allowed.
    pub(crate) fn over(path: &Path, size: &str) -> Option<Self> {
        use rustix::mount::{MountFlags, mount};
        let options = std::ffi::CString::new(format!("size={size},mode=700")).expect("no zero");
        let mounted = mount("tmpfs", path, "tmpfs", MountFlags::empty(), options.as_c_str());
        let is_mounted = mounted.is_ok();
        if !is_mounted {
            say_not_run(size);
        }
        is_mounted.then(|| Self(path.to_owned()))
    }

    /// Nothing can be written from now on. Nothing is open for writing in it.
    pub(crate) fn make_read_only(&self) {
        self.remount(rustix::mount::MountFlags::RDONLY);
    }

    /// It can be written again.
    pub(crate) fn make_writable(&self) {
        self.remount(rustix::mount::MountFlags::empty());
    }

    fn remount(&self, flags: rustix::mount::MountFlags) {
        rustix::mount::mount_remount(&self.0, flags, "").expect("mounted anew");
    }
}

#[cfg(target_os = "linux")]
impl Drop for Mounted {
    fn drop(&mut self) {
        // Also while something is open in it; what is left of it is the test's temporary directory.
        let _ = rustix::mount::unmount(&self.0, rustix::mount::UnmountFlags::DETACH);
    }
}

#[cfg(not(target_os = "linux"))]
impl Mounted {
    pub(crate) fn over(_: &Path, size: &str) -> Option<Self> {
        say_not_run(size);
        None
    }

    pub(crate) fn make_read_only(&self) {
        unreachable!("{self:?} cannot be had");
    }

    pub(crate) fn make_writable(&self) {
        unreachable!("{self:?} cannot be had");
    }
}

#[expect(clippy::print_stderr, reason = "a test that cannot run says so")]
fn say_not_run(size: &str) {
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    eprintln!("not tested, because a file system of {size} cannot be mounted here: {test}");
}
