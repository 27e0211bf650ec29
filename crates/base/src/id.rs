//! Typed indices into the Plan. Names are for people; the data path knows only these.

macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// As a position in the Plan's vector.
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

index!(
    /// A frontend, backend or listen section: position in `Plan::proxies`.
    ProxyId
);
index!(
    /// A server: position in `Plan::servers` (all backends' servers in one vector, in file order).
    ServerId
);
index!(
    /// A listening address: position in `Plan::listeners`.
    ListenerId
);
