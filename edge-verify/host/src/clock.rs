//! The component's wall clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};
use wasmtime_wasi::HostWallClock;

/// This machine's clock, set forward or back by as much as one likes, while components run.
#[derive(Clone, Default)]
pub struct Clock {
    offset_seconds: Arc<AtomicI64>,
}

impl Clock {
    /// From now on the component reads this machine's clock plus so much.
    pub fn set_offset_seconds(&self, offset: i64) {
        self.offset_seconds.store(offset, Ordering::Relaxed);
    }
}

impl HostWallClock for Clock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        let here = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let here = here.unwrap_or_default();
        let offset = self.offset_seconds.load(Ordering::Relaxed);
        let size = Duration::from_secs(offset.unsigned_abs());
        if offset < 0 {
            here.saturating_sub(size)
        } else {
            here.saturating_add(size)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_both_ways_and_stops_at_the_ends() {
        let clock = Clock::default();
        let here = clock.now();
        clock.set_offset_seconds(3600);
        assert!(clock.now() >= here + Duration::from_secs(3600));
        clock.set_offset_seconds(-3600);
        assert!(clock.now() < here);
        clock.set_offset_seconds(i64::MIN);
        assert_eq!(clock.now(), Duration::ZERO);
        clock.set_offset_seconds(i64::MAX);
        assert!(clock.now() > Duration::from_secs(1 << 62));
    }
}
