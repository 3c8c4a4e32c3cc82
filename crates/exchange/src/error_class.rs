//! CCXT's error hierarchy, as one list of classes.

/// Declares the classes with their parents.
macro_rules! error_classes {
    ($($(#[$doc:meta])* $name:ident: $parent:ident,)+) => {
        /// What went wrong at an exchange, in CCXT's names.
        ///
        /// The classes form a tree; [`ErrorClass::is`] asks whether one is, or descends from, another.
        /// `ExchangeError` and what is under it will not get better by repeating; `OperationFailed` and what is
        /// under it may, if repeating is safe.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ErrorClass {
            /// The root of the tree.
            BaseError,
            $($(#[$doc])* $name,)+
        }

        impl ErrorClass {
            /// Every class, parents before their children.
            pub const ALL: &'static [Self] = &[Self::BaseError, $(Self::$name,)+];

            /// Returns the name, such as `InsufficientFunds`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    Self::BaseError => "BaseError",
                    $(Self::$name => stringify!($name),)+
                }
            }

            /// Returns the class above; `None` for the root.
            #[must_use]
            pub fn parent(self) -> Option<Self> {
                match self {
                    Self::BaseError => None,
                    $(Self::$name => Some(Self::$parent),)+
                }
            }
        }
    };
}

error_classes! {
    /// The exchange answered, and said no.
    ExchangeError: BaseError,
    /// The keys are wrong, missing or expired.
    AuthenticationError: ExchangeError,
    /// The keys may not do this.
    PermissionDenied: AuthenticationError,
    /// The account has this product switched off.
    AccountNotEnabled: PermissionDenied,
    /// The account is blocked.
    AccountSuspended: AuthenticationError,
    /// A call lacks an argument.
    ArgumentsRequired: ExchangeError,
    /// The exchange does not understand the request.
    BadRequest: ExchangeError,
    /// There is no such market.
    BadSymbol: BadRequest,
    /// Understood, and refused.
    OperationRejected: ExchangeError,
    /// It is so already.
    NoChange: OperationRejected,
    /// The margin mode is so already.
    MarginModeAlreadySet: NoChange,
    /// The market does not trade now.
    MarketClosed: OperationRejected,
    /// A person must act at the exchange first.
    ManualInteractionNeeded: OperationRejected,
    /// Not from this place.
    RestrictedLocation: OperationRejected,
    /// Not enough money.
    InsufficientFunds: ExchangeError,
    /// A deposit address is wrong.
    InvalidAddress: ExchangeError,
    /// A deposit address is being made.
    AddressPending: InvalidAddress,
    /// The order breaks a rule.
    InvalidOrder: ExchangeError,
    /// There is no such order.
    OrderNotFound: InvalidOrder,
    /// The order is not in a local cache.
    OrderNotCached: InvalidOrder,
    /// It would fill at once, and must not.
    OrderImmediatelyFillable: InvalidOrder,
    /// It cannot fill at all.
    OrderNotFillable: InvalidOrder,
    /// The client order id was used before.
    DuplicateOrderId: InvalidOrder,
    /// The contract is not traded.
    ContractUnavailable: InvalidOrder,
    /// The exchange, or we, cannot do this.
    NotSupported: ExchangeError,
    /// The proxy is set up wrongly.
    InvalidProxySettings: ExchangeError,
    /// The connection was closed on request.
    ExchangeClosedByUser: ExchangeError,
    /// It did not work this time.
    OperationFailed: BaseError,
    /// The way to the exchange failed.
    NetworkError: OperationFailed,
    /// Banned for asking too much (HTTP 418 on Binance).
    DDoSProtection: NetworkError,
    /// Asked too much; wait.
    RateLimitExceeded: NetworkError,
    /// The exchange does not answer.
    ExchangeNotAvailable: NetworkError,
    /// The exchange is being maintained.
    OnMaintenance: ExchangeNotAvailable,
    /// The request's time or nonce is off.
    InvalidNonce: NetworkError,
    /// An order book does not add up.
    ChecksumError: InvalidNonce,
    /// No answer in time; what was asked may have happened.
    RequestTimeout: NetworkError,
    /// The answer makes no sense.
    BadResponse: OperationFailed,
    /// The answer is empty.
    NullResponse: BadResponse,
    /// The cancellation is under way.
    CancelPending: OperationFailed,
    /// A subscription could not be ended.
    UnsubscribeError: BaseError,
}

impl ErrorClass {
    /// Returns the class of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|class| class.name() == name)
    }

    /// Returns whether this class is `ancestor` or descends from it.
    #[must_use]
    pub fn is(self, ancestor: Self) -> bool {
        self == ancestor || self.parent().is_some_and(|parent| parent.is(ancestor))
    }

    /// Returns whether what was asked may have happened all the same. Limits and times are checked before anything is
    /// done.
    pub(crate) fn leaves_open(self) -> bool {
        let at_the_door = matches!(self, Self::RateLimitExceeded | Self::DDoSProtection | Self::InvalidNonce);
        self.is(Self::OperationFailed) && !at_the_door
    }
}
