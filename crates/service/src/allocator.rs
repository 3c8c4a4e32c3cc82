//! The allocator of every program that has a service in it.
//!
//! Each request takes some fifty pieces of memory, many of them on one thread and given back on another (a submission
//! goes to the thread of the database and back). glibc's allocator locks for that and gathers small pieces again and
//! again. A submission took 117 us of CPU with glibc's, 84 with jemalloc and 88 with mimalloc, each put before the same
//! program by `LD_PRELOAD`; `cargo xtask bench-api` measures whole programs as they are. It also answers SQLite.
//!
//! It keeps freed memory mapped. A program whose memory is bounded by `RLIMIT_DATA`, as those of jobs are, is started with
//! `MALLOC_CONF=retain:false`, or it would be counted as used.

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
