"""What Docker allows a container by default, as data, and the filter of it for this machine's architecture.

The rules are those of seccomp/default.json in moby/profiles, version seccomp/v0.2.3 (May 2026), which Docker and containerd
follow, for a container with Docker's default capabilities. Names that neither x64 nor arm64 has are left out.
"""

import errno
import os
import subprocess

from seccomp_filter import (
    ALLOW,
    ARCHITECTURE_OFFSET,
    ARGUMENTS_OFFSET,
    NUMBER_OFFSET,
    and_with,
    answer,
    equal,
    greater,
    load_word,
)

# Allowed whatever their arguments; chroot because CAP_SYS_CHROOT is a default capability.
ALLOWED = """
    accept accept4 access adjtimex alarm bind brk capget capset chdir chmod chown chroot clock_adjtime
    clock_getres clock_gettime clock_nanosleep close close_range connect copy_file_range creat dup dup2 dup3
    epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd
    eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64 fallocate fanotify_mark fchdir fchmod
    fchmodat fchown fchownat fcntl fdatasync fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstatfs
    fsync ftruncate futex futex_waitv futimesat get_robust_list get_thread_area getcpu getcwd getdents getdents64
    getegid geteuid getgid getgroups getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom
    getresgid getresuid getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday getuid getxattr
    inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents
    io_setup io_submit ioctl ioprio_get ioprio_set kill landlock_add_rule landlock_create_ruleset
    landlock_restrict_self lchown lgetxattr link linkat listen listxattr llistxattr lremovexattr lseek lsetxattr
    lstat madvise membarrier memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall
    mmap mprotect mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink mremap msgctl msgget
    msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at nanosleep newfstatat open openat openat2 pause
    pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll prctl pread64 preadv
    preadv2 prlimit64 process_mrelease process_vm_readv process_vm_writev pselect6 ptrace pwrite64 pwritev
    pwritev2 read readahead readlink readlinkat readv recvfrom recvmmsg recvmsg remap_file_pages removexattr
    rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo
    rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min
    sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_setaffinity
    sched_setattr sched_setparam sched_setscheduler sched_yield seccomp select semctl semget semop semtimedop
    sendfile sendmmsg sendmsg sendto set_robust_list set_thread_area set_tid_address setfsgid setfsuid setgid
    setgroups setitimer setpgid setpriority setregid setresgid setresuid setreuid setrlimit setsid setsockopt
    setuid setxattr shmat shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4 socketpair splice stat
    statfs statx symlink symlinkat sync sync_file_range syncfs sysinfo tee tgkill time timer_create timer_delete
    timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime times tkill
    truncate umask uname unlink unlinkat utime utimensat utimes vfork vmsplice wait4 waitid write writev
""".split()
ALLOWED_HERE = {
    "x86_64": ["arch_prctl", "modify_ldt"],
    "aarch64": ["sync_file_range2"],
}
# Headers may be older than the profile. From 424 on calls have the same number on every architecture.
NEWER = {
    "cachestat": 451,
    "fchmodat2": 452,
    "map_shadow_stack": 453,
    "futex_wake": 454,
    "futex_wait": 455,
    "futex_requeue": 456,
    "statmount": 457,
    "listmount": 458,
    "mseal": 462,
    "setxattrat": 463,
    "getxattrat": 464,
    "listxattrat": 465,
    "removexattrat": 466,
}

# clone, if it makes no namespace: CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET.
NAMESPACE_FLAGS = 0x7E020000
PERSONALITIES = [0x0, 0x0008, 0x20000, 0x20008, 0xFFFFFFFF]
AF_ALG = 38
AF_VSOCK = 40
# Allowed by their first argument: the rest of such a rule, once that has been loaded.
CONDITIONAL = {
    "clone": [and_with(NAMESPACE_FLAGS), equal(0, 0, 1), answer(ALLOW)],
    "personality": [each for value in PERSONALITIES for each in (equal(value, 0, 1), answer(ALLOW))],
    "socket": [equal(AF_ALG, 2, 0), equal(AF_VSOCK, 1, 0), answer(ALLOW)],
}
# Everything else gets EPERM, except that the C library asks for clone3 first, and takes clone where that is unknown.
UNKNOWN = ["clone3"]

# linux/capability.h: CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE, NET_RAW,
# SYS_CHROOT, MKNOD, AUDIT_WRITE and SETFCAP.
CAPABILITIES = [0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31]

AUDIT_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def system_calls() -> dict[str, int]:
    """The names and numbers of this architecture's system calls, from the C compiler's headers."""
    compiler = os.environ.get("CXX", "g++").split()
    command = [*compiler, "-E", "-dM", "-x", "c++", "-include", "asm/unistd.h", "/dev/null"]
    words = [line.split() for line in subprocess.check_output(command, text=True).splitlines()]
    prefix = "__NR_"
    found = {name[len(prefix) :]: value for _, name, *rest in words if name.startswith(prefix) for value in rest}
    return {**NEWER, **{name: int(value) for name, value in found.items() if value.isdecimal()}}


def answer_to(number: int, numbers: dict[str, int]) -> int:
    """The errno for a call that is not allowed. What is newer than all that the profile knows is unknown, as runc has it."""
    is_unknown = number > max(NEWER.values()) or number in [numbers[name] for name in UNKNOWN]
    return errno.ENOSYS if is_unknown else errno.EPERM


def filter_program(numbers: dict[str, int], refuse):
    """The instructions. `refuse` makes the action for an errno."""
    machine = os.uname().machine
    refused = answer(refuse(errno.EPERM))
    program = [
        load_word(ARCHITECTURE_OFFSET),
        equal(AUDIT_ARCHITECTURES[machine], 1, 0),
        refused,
        load_word(NUMBER_OFFSET),
    ]
    for name in [*ALLOWED, *ALLOWED_HERE[machine]]:
        if name in numbers:
            program += [equal(numbers[name], 0, 1), answer(ALLOW)]
    for name, conditions in CONDITIONAL.items():
        rule = [load_word(ARGUMENTS_OFFSET), *conditions, refused]
        program += [equal(numbers[name], 0, len(rule)), *rule]
    for name in UNKNOWN:
        program += [equal(numbers[name], 0, 1), answer(refuse(errno.ENOSYS))]
    return [*program, greater(max(NEWER.values()), 0, 1), answer(refuse(errno.ENOSYS)), refused]
