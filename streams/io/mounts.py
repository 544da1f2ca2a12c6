"""What kind of file system a path is on: SQLite's write-ahead log is unsafe on one that a network lies under.

Source: https://www.sqlite.org/wal.html ("All processes using a database must be on the same host computer; WAL does
not work over a network filesystem") and https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html
"""

import re
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")

NETWORK_TYPES = {
    *("9p", "afs", "beegfs", "ceph", "cifs", "coda", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4"),
    *("ocfs2", "smb2", "smb3", "smbfs", "virtiofs", "fuse.ceph", "fuse.gcsfuse", "fuse.glusterfs", "fuse.goofys"),
    *("fuse.mfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs"),
}

_OCTAL = re.compile(r"\\([0-7]{3})")  # how mountinfo writes a space in a path


def network_type(path: Path, mounts: str) -> str | None:
    r"""The type of the network file system that `path` is on; None if it is a local one. `mounts` is mountinfo's text.

    >>> mounts = "1 0 8:1 / / rw - ext4 /dev/a rw\n2 1 0:5 / /net rw shared:1 - nfs4 host:/x rw"
    >>> network_type(Path("/net/log.db"), mounts), network_type(Path("/netto/log.db"), mounts)
    ('nfs4', None)
    """
    nearest, found = -1, ""
    for line in mounts.splitlines():
        place, _, source = line.partition(" - ")
        fields = place.split()
        if len(fields) < 5 or not source:
            continue
        point = Path(_OCTAL.sub(lambda found: chr(int(found[1], 8)), fields[4]))
        if path.is_relative_to(point) and len(point.parts) >= nearest:  # a later mount hides an earlier one
            nearest, found = len(point.parts), source.split()[0]
    return found if found in NETWORK_TYPES else None
