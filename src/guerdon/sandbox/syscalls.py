"""The system calls that Python needs to compute, and their numbers on two architectures.

No sockets, no second process, no signals to others, no mounts, tracing, keys, shared memory or
clocks to set. What is not here is refused.
"""

_TABLE = """
read:0:63 write:1:64 readv:19:65 writev:20:66 pread64:17:67 pwrite64:18:68 preadv:295:69
pwritev:296:70 lseek:8:62 sendfile:40:71 copy_file_range:326:285 open:2:- openat:257:56 close:3:57
close_range:436:436 dup:32:23 dup2:33:- dup3:292:24 pipe:22:- pipe2:293:59 select:23:-
pselect6:270:72 poll:7:- ppoll:271:73 flock:73:32 fsync:74:82 fdatasync:75:83 stat:4:- lstat:6:-
fstat:5:80 newfstatat:262:79 statx:332:291 access:21:- faccessat:269:48 faccessat2:439:439
statfs:137:43 fstatfs:138:44 getcwd:79:17 chdir:80:49 fchdir:81:50 getdents:78:- getdents64:217:61
readlink:89:- readlinkat:267:78 rename:82:- renameat:264:38 renameat2:316:276 mkdir:83:-
mkdirat:258:34 rmdir:84:- unlink:87:- unlinkat:263:35 link:86:- linkat:265:37 symlink:88:-
symlinkat:266:36 chmod:90:- fchmod:91:52 fchmodat:268:53 truncate:76:45 ftruncate:77:46
utimensat:280:88 umask:95:166 mmap:9:222 munmap:11:215 mprotect:10:226 mremap:25:216 madvise:28:233
brk:12:214 rt_sigaction:13:134 rt_sigprocmask:14:135 rt_sigreturn:15:139 rt_sigpending:127:136
rt_sigsuspend:130:133 rt_sigtimedwait:128:137 sigaltstack:131:132 restart_syscall:219:128
alarm:37:- setitimer:38:103 getitimer:36:102 pause:34:- nanosleep:35:101 clock_nanosleep:230:115
clock_gettime:228:113 clock_getres:229:114 gettimeofday:96:169 time:201:- times:100:153
getrusage:98:165 getrlimit:97:163 setrlimit:160:164 futex:202:98 set_robust_list:273:99
get_robust_list:274:100 set_tid_address:218:96 rseq:334:293 sched_yield:24:124
sched_getaffinity:204:123 getcpu:309:168 membarrier:324:283 arch_prctl:158:- getrandom:318:278
uname:63:160 sysinfo:99:179 wait4:61:260 getpid:39:172 getppid:110:173 gettid:186:178 getpgrp:111:-
getpgid:121:155 getsid:124:156 getuid:102:174 geteuid:107:175 getgid:104:176 getegid:108:177
getresuid:118:148 getresgid:120:150 getgroups:115:158 exit:60:93 exit_group:231:94
"""
"""name:x86_64:aarch64; a dash where the architecture has no such call."""

_SPECIAL = {"fcntl": (72, 25), "prlimit64": (302, 261), "ioctl": (16, 29), "clone3": (435, 435)}
"""Calls that depend on an argument, or are refused with an error of their own."""

ARCHITECTURES = ("x86_64", "aarch64")


def allowed(architecture: str) -> dict[str, int]:
    """Name and number of every call that is allowed whatever its arguments."""
    column = 1 + ARCHITECTURES.index(architecture)
    rows = [entry.split(":") for entry in _TABLE.split()]
    return {row[0]: int(row[column]) for row in rows if row[column] != "-"}


def special(architecture: str) -> dict[str, int]:
    """Name and number of the calls that `seccomp` treats one by one."""
    column = ARCHITECTURES.index(architecture)
    return {name: numbers[column] for name, numbers in _SPECIAL.items()}
