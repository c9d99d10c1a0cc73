/** Small file systems of a test's own. Needs root on Linux, and a kernel that lets root mount. */

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { removeTree } = require('../remove.js');

const run = (command, ...args) => execFileSync(command, args, { stdio: 'pipe' });

/** Mounted and not yet taken away, last first. */
const mounted = [];

/** A file system in memory. */
function mountMemory(directory, megabytes) {
  fs.mkdirSync(directory, { recursive: true });
  run('mount', '-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0755`, 'tmpfs', directory);
  mounted.unshift(directory);
}

/** A file system as disks have them, in a file beside the directory. */
function mountDisk(directory, megabytes) {
  const image = `${directory}.img`;
  fs.mkdirSync(directory, { recursive: true });
  fs.writeFileSync(image, '');
  fs.truncateSync(image, megabytes * 2 ** 20);
  run('mkfs.ext4', '-q', '-F', image);
  run('mount', '-o', 'loop', image, directory);
  mounted.unshift(directory);
}

function remount(directory, options) {
  run('mount', '-o', `remount,${options}`, directory);
}

/** Takes all away, also under processes that have not ended. */
function unmountAll() {
  for (const directory of mounted.splice(0)) run('umount', '-l', directory);
}

function works(mount) {
  if (process.platform !== 'linux' || process.getuid() !== 0) return false;
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'agentwise-mount-'));
  try {
    mount(path.join(directory, 'try'), 8);
    return true;
  } catch {
    return false;
  } finally {
    unmountAll();
    removeTree(directory);
  }
}

const canMountMemory = works(mountMemory);
const canMountDisk = canMountMemory && works(mountDisk);

module.exports = { mountMemory, mountDisk, remount, unmountAll, canMountMemory, canMountDisk };
