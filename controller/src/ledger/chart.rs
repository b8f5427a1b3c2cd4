//! The chart of accounts: which there are, of what kind, and which of them stand once for each drawer, bank or gateway.
//! Pure.

use serde::Serialize;

/// What an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    Asset,
    Liability,
    Equity,
    Income,
    Expense,
}

impl AccountKind {
    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asset => "asset",
            Self::Liability => "liability",
            Self::Equity => "equity",
            Self::Income => "income",
            Self::Expense => "expense",
        }
    }

    /// Whether its balance is read with debits positive; the others are read with credits positive.
    #[must_use]
    pub fn grows_by_debit(self) -> bool {
        matches!(self, Self::Asset | Self::Expense)
    }
}

/// An account of the chart. Its number is the code, its name the text `account-<code>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    /// The drawer of a cashier's shift.
    Cash,
    /// A bank account of the operator.
    Bank,
    /// What a gateway collected and has not paid out.
    Gateway,
    /// What customers owe.
    Receivable,
    /// What customers have paid ahead.
    CustomerCredit,
    /// What resellers have paid ahead.
    ResellerDeposit,
    /// What vouchers cost, owed to those they were bought from.
    VoucherPayable,
    /// Vouchers sold and not used yet, when income is booked at the first login.
    VoucherUnearned,
    /// PPN collected.
    Tax,
    /// Money of nobody known.
    Unidentified,
    /// Against which opening balances stand.
    Opening,
    /// Subscriptions.
    ServiceIncome,
    /// Vouchers.
    VoucherIncome,
    /// Rounding and unique codes of transfers.
    Rounding,
    /// Late fees.
    LateFee,
    /// What vouchers cost.
    VoucherCost,
    /// What gateways keep.
    GatewayFee,
    /// Drawers that held more or less than they should.
    CashDifference,
    /// Debts given up.
    BadDebt,
}

impl Code {
    /// Every account, by number.
    pub const ALL: [Self; 19] = [
        Self::Cash,
        Self::Bank,
        Self::Gateway,
        Self::Receivable,
        Self::CustomerCredit,
        Self::ResellerDeposit,
        Self::VoucherPayable,
        Self::VoucherUnearned,
        Self::Tax,
        Self::Unidentified,
        Self::Opening,
        Self::ServiceIncome,
        Self::VoucherIncome,
        Self::Rounding,
        Self::LateFee,
        Self::VoucherCost,
        Self::GatewayFee,
        Self::CashDifference,
        Self::BadDebt,
    ];

    /// Its number, as stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cash => "1100",
            Self::Bank => "1110",
            Self::Gateway => "1120",
            Self::Receivable => "1200",
            Self::CustomerCredit => "2100",
            Self::ResellerDeposit => "2110",
            Self::VoucherPayable => "2120",
            Self::VoucherUnearned => "2130",
            Self::Tax => "2200",
            Self::Unidentified => "2300",
            Self::Opening => "3000",
            Self::ServiceIncome => "4000",
            Self::VoucherIncome => "4010",
            Self::Rounding => "4020",
            Self::LateFee => "4030",
            Self::VoucherCost => "5000",
            Self::GatewayFee => "5100",
            Self::CashDifference => "5110",
            Self::BadDebt => "5200",
        }
    }

    /// The account of a number.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == text)
    }

    /// What it is.
    #[must_use]
    pub fn kind(self) -> AccountKind {
        match self {
            Self::Cash | Self::Bank | Self::Gateway | Self::Receivable => AccountKind::Asset,
            Self::CustomerCredit
            | Self::ResellerDeposit
            | Self::VoucherPayable
            | Self::VoucherUnearned
            | Self::Tax
            | Self::Unidentified => AccountKind::Liability,
            Self::Opening => AccountKind::Equity,
            Self::ServiceIncome | Self::VoucherIncome | Self::Rounding | Self::LateFee => AccountKind::Income,
            Self::VoucherCost | Self::GatewayFee | Self::CashDifference | Self::BadDebt => AccountKind::Expense,
        }
    }

    /// Whether its postings belong to customers: those of the others never do.
    #[must_use]
    pub fn is_customers(self) -> bool {
        matches!(self, Self::Receivable | Self::CustomerCredit)
    }
}

/// An account, or the part of it that is one drawer, bank or gateway.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    code: Code,
    sub: String,
}

/// Longest name of a gateway.
const MAX_SUB: usize = 40;

impl Place {
    /// An account that is not parted.
    #[must_use]
    pub fn of(code: Code) -> Self {
        Self { code, sub: String::new() }
    }

    /// The drawer of a shift; shift 0 is the drawer of those who keep none.
    #[must_use]
    pub fn cash(shift: i64) -> Self {
        Self { code: Code::Cash, sub: format!("shift/{shift}") }
    }

    /// A bank account.
    #[must_use]
    pub fn bank(account: i64) -> Self {
        Self { code: Code::Bank, sub: format!("bank/{account}") }
    }

    /// What a gateway holds; `plugin` is its id. Longer ones than any are cut.
    #[must_use]
    pub fn gateway(plugin: &str) -> Self {
        let plugin: String = plugin.chars().take(MAX_SUB).collect();
        Self { code: Code::Gateway, sub: format!("gateway/{plugin}") }
    }

    /// As it was stored.
    #[must_use]
    pub fn stored(code: Code, sub: &str) -> Self {
        Self { code, sub: sub.to_owned() }
    }

    /// Its account.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// Its part; empty when the account is not parted.
    #[must_use]
    pub fn sub(&self) -> &str {
        &self.sub
    }

    /// Whether money lies there: in a drawer, a bank, a gateway.
    #[must_use]
    pub fn holds_money(&self) -> bool {
        matches!(self.code, Code::Cash | Code::Bank | Code::Gateway)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_in_order_and_read_back() {
        for pair in Code::ALL.windows(2) {
            assert!(pair[0].as_str() < pair[1].as_str());
        }
        for code in Code::ALL {
            assert_eq!(Code::parse(code.as_str()), Some(code));
        }
        assert_eq!(Code::parse("9999"), None);
    }

    #[test]
    fn the_first_digit_says_the_kind() {
        for code in Code::ALL {
            let digit = &code.as_str()[..1];
            let kind = match code.kind() {
                AccountKind::Asset => "1",
                AccountKind::Liability => "2",
                AccountKind::Equity => "3",
                AccountKind::Income => "4",
                AccountKind::Expense => "5",
            };
            assert_eq!(digit, kind, "{code:?}");
        }
    }
}
