//! What a task does in a row, while others of its thread wait.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::KIB;

/// Sockets that the engine writes to in a row. A request waits for three stints at most, on its way in
/// and on its way back: half a millisecond, unless requests have the thread busy anyway.
pub const WRITES_IN_A_ROW: RangeInclusive<usize> = 16..=256;
/// What a write takes, about: a system call, and the kernel's way to the other end.
pub const WRITE_TIME: Duration = Duration::from_micros(10);
/// Bytes that take as long to write as another socket does.
pub const WRITE_BYTES: usize = KIB;

/// Connections accepted in a row before those that are open have a turn: a herd that comes back waits
/// at the door, and does not stand before those who are served.
pub const ACCEPTS_IN_A_ROW: usize = 8;
