//! Who answers for host names in a program that has the C library in it: what that library can do itself, `/etc/hosts` and DNS.
//!
//! `/etc/nsswitch.conf` may name others, such as `resolve` or `myhostname`, which are shared libraries of the system. A static
//! program that loads them loads the system's C library beside its own, and is killed by a signal where the two are of
//! different versions (seen with 2.36 in the program and 2.41 in the system).

use std::ffi::{c_char, c_int};

unsafe extern "C" {
    /// Of glibc's `nss.h`: what is looked up where, in the words of nsswitch.conf(5), from now on and for the whole process.
    fn __nss_configure_lookup(database: *const c_char, services: *const c_char) -> c_int;
}

/// From now on names are looked up by `/etc/hosts` and DNS alone, whatever `/etc/nsswitch.conf` says. False when it is refused.
pub(crate) fn keep_to_built_in() -> bool {
    // SAFETY: both are strings with a zero at their end that live as long as the program, which is all that the function asks
    // for; it takes the lock of what it changes.
    unsafe { __nss_configure_lookup(c"hosts".as_ptr(), c"files dns".as_ptr()) == 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_hosts_file_are_found_after_that_too() {
        use std::net::ToSocketAddrs;
        assert!(keep_to_built_in());
        assert!(("localhost", 80).to_socket_addrs().unwrap().count() > 0);
    }
}
