//! Each fact, and the postings it is.

use super::{super::rules::*, *};
use crate::{
    ids::{AttemptId, EntryId},
    ledger::draft::{Kind, MAX_AMOUNT, MAX_POSTINGS},
};

fn idr(minor: i64) -> Money {
    Money::idr(minor)
}

#[test]
fn an_invoice_is_owed_in_full_and_its_tax_is_not_ours() {
    let bill = Bill {
        customer: SITI,
        lines: vec![(Income::Service, idr(135_135)), (Income::LateFee, idr(5_000))],
        tax: idr(14_865),
        rounding: idr(-5),
    };
    let draft = invoice_issued(fact("invoice", 5), InvoiceId(5), &bill).unwrap();
    assert_eq!(lines(&draft), ["4000 -135135", "4030 -5000", "2200 -14865", "4020 +5", "1200 +154995 c1 i5"]);
    assert!(draft.allocations().unwrap().is_empty());
}

#[test]
fn cash_settles_invoices_and_the_rest_is_credit() {
    let settlement = shares(&[(5, 100_000), (6, 20_000)], 30_000);
    let draft = cash(SITI, 1, &settlement).unwrap();
    assert_eq!(lines(&draft), ["1100 shift/7 +150000", "1200 -100000 c1 i5", "1200 -20000 c1 i6", "2100 -30000 c1"]);
    let settled: Vec<_> = draft.allocations().unwrap().into_iter().map(|(id, _, sum)| (id.0, sum.minor())).collect();
    assert_eq!(settled, [(5, 100_000), (6, 20_000)]);
}

#[test]
fn what_a_gateway_keeps_is_the_operators_cost_or_the_payers() {
    let settlement = shares(&[(5, 100_000)], 0);
    let into = Place::gateway("duitku");
    let what = Payment { customer: SITI, into, settlement: &settlement, attempt: Some(AttemptId(9)) };
    for (fee, expected) in [
        (Fee::None, vec!["1120 gateway/duitku +100000", "1200 -100000 c1 i5"]),
        (
            Fee::Operator(idr(4_000)),
            vec!["1120 gateway/duitku +100000", "5100 +4000", "1120 gateway/duitku -4000", "1200 -100000 c1 i5"],
        ),
        (
            Fee::Payer(idr(4_000)),
            vec!["1120 gateway/duitku +104000", "1120 gateway/duitku -4000", "1200 -100000 c1 i5"],
        ),
    ] {
        let draft = gateway_payment(fact("payment", 1), &what, fee).unwrap();
        assert_eq!(lines(&draft), expected);
        assert!(draft.postings().iter().all(|posting| posting.attempt == Some(AttemptId(9))));
    }
    let cash = Payment { into: Place::cash(1), ..what };
    assert_eq!(gateway_payment(fact("payment", 1), &cash, Fee::None), Err(RuleError::WrongPlace));
}

#[test]
fn the_unique_code_of_a_transfer_goes_where_the_operator_says() {
    let settlement = shares(&[(5, 100_000)], 0);
    let what = Payment { customer: SITI, into: Place::bank(2), settlement: &settlement, attempt: None };
    let credit = bank_transfer(fact("payment", 1), &what, UniqueCode::ToCredit(idr(123))).unwrap();
    assert_eq!(lines(&credit), ["1110 bank/2 +100123", "1200 -100000 c1 i5", "2100 -123 c1"]);
    let income = bank_transfer(fact("payment", 1), &what, UniqueCode::ToIncome(idr(123))).unwrap();
    assert_eq!(lines(&income), ["1110 bank/2 +100123", "1200 -100000 c1 i5", "4020 -123"]);
}

#[test]
fn credit_pays_refunds_return_and_notes_take_back() {
    let used = credit_used(fact("payment", 2), SITI, &shares(&[(5, 30_000)], 0)).unwrap();
    assert_eq!(lines(&used), ["2100 +30000 c1", "1200 -30000 c1 i5"]);
    assert_eq!(credit_used(fact("payment", 2), SITI, &shares(&[(5, 1)], 1)), Err(RuleError::NotDue));

    let back = refund(fact("refund", 1), SITI, &Place::cash(7), &shares(&[(5, 20_000)], 10_000)).unwrap();
    assert_eq!(lines(&back), ["1100 shift/7 -30000", "1200 +20000 c1 i5", "2100 +10000 c1"]);
    assert_eq!(back.allocations().unwrap()[0].2, idr(-20_000));

    let bill = Bill { customer: SITI, lines: vec![(Income::Service, idr(50_000))], tax: idr(5_500), rounding: idr(0) };
    let note = credit_note(fact("credit_note", 1), &bill, &shares(&[(5, 40_000)], 15_500)).unwrap();
    assert_eq!(lines(&note), ["4000 +50000", "2200 +5500", "1200 -40000 c1 i5", "2100 -15500 c1"]);
    assert_eq!(credit_note(fact("credit_note", 1), &bill, &shares(&[(5, 1)], 0)), Err(RuleError::Unbalanced));

    let given_up = write_off(fact("write_off", 1), SITI, &shares(&[(5, 7_000)], 0)).unwrap();
    assert_eq!(lines(&given_up), ["5200 +7000", "1200 -7000 c1 i5"]);
}

#[test]
fn opening_balances_stand_against_their_own_account() {
    let debt = opening_debt(fact("import", 1), SITI, None, idr(9_000)).unwrap();
    assert_eq!(lines(&debt), ["1200 +9000 c1", "3000 -9000"]);
    let credit = opening_credit(fact("import", 2), SITI, idr(9_000)).unwrap();
    assert_eq!(lines(&credit), ["3000 +9000", "2100 -9000 c1"]);
    let bank = opening_balance(fact("import", 3), &Place::bank(1), idr(9_000)).unwrap();
    assert_eq!(lines(&bank), ["1110 bank/1 +9000", "3000 -9000"]);
}

#[test]
fn drawers_that_hold_more_or_less_differ_in_a_cost_account() {
    let (drawer, count) =
        (Place::cash(7), |counted| shift_difference(fact("shift", 7), &Place::cash(7), idr(counted), idr(500)));
    assert_eq!(lines(&count(450).unwrap()), ["1100 shift/7 -50", "5110 +50"]);
    assert_eq!(lines(&count(520).unwrap()), ["1100 shift/7 +20", "5110 -20"]);
    assert_eq!(count(500), Err(RuleError::Empty));
    let handed = transfer(fact("handover", 1), &drawer, &Place::bank(1), idr(450)).unwrap();
    assert_eq!(lines(&handed), ["1110 bank/1 +450", "1100 shift/7 -450"]);
    assert_eq!(transfer(fact("handover", 1), &drawer, &drawer, idr(1)), Err(RuleError::WrongPlace));
}

#[test]
fn money_of_nobody_waits_until_somebody_is_known() {
    let came = unidentified(fact("mutation", 1), &Place::bank(1), idr(50_123)).unwrap();
    assert_eq!(lines(&came), ["1110 bank/1 +50123", "2300 -50123"]);
    let known = identified(fact("mutation", 1), SITI, &shares(&[(5, 50_000)], 123)).unwrap();
    assert_eq!(lines(&known), ["2300 +50123", "1200 -50000 c1 i5", "2100 -123 c1"]);
}

#[test]
fn a_vouchers_income_is_booked_when_the_setting_says() {
    let sale = VoucherSale { into: Place::cash(7), price: idr(3_000), tax: idr(297), cost: idr(2_000) };
    let now = voucher_sold(fact("voucher", 1), &sale, VoucherIncome::AtSale).unwrap();
    assert_eq!(lines(&now), ["1100 shift/7 +3000", "2200 -297", "4010 -2703", "5000 +2000", "2120 -2000"]);
    let later = voucher_sold(fact("voucher", 1), &sale, VoucherIncome::AtFirstLogin).unwrap();
    assert_eq!(lines(&later), ["1100 shift/7 +3000", "2200 -297", "2130 -2703"]);
    let used = voucher_used(fact("voucher", 1), idr(2_703), sale.cost).unwrap();
    assert_eq!(lines(&used), ["2130 +2703", "4010 -2703", "5000 +2000", "2120 -2000"]);
    // At the end both ways are the same income and cost.
    for code in [Code::VoucherIncome, Code::VoucherCost, Code::VoucherPayable, Code::Tax] {
        assert_eq!(sum_of(&now, code), sum_of(&later, code) + sum_of(&used, code), "{code:?}");
    }
}

#[test]
fn a_reversal_is_the_exact_inverse_and_gives_back_what_was_settled() {
    let paid = cash(SITI, 1, &shares(&[(5, 100)], 50)).unwrap();
    let back = reversal(fact("entry", 1), EntryId(1), Kind::Payment, paid.postings()).unwrap();
    assert_eq!(lines(&back), ["1100 shift/7 -150", "1200 +100 c1 i5", "2100 +50 c1"]);
    assert_eq!(back.allocations().unwrap()[0].2, idr(-100));
    assert_eq!((back.kind(), back.reverses()), (Kind::Reversal, Some(EntryId(1))));
    // The reversal of an invoice settles nothing: there is nothing left to settle.
    let void = reversal(fact("entry", 2), EntryId(2), Kind::InvoiceIssued, invoice(SITI, 5, 100).postings()).unwrap();
    assert!(void.allocations().unwrap().is_empty());
}

#[test]
fn amounts_that_cannot_be_meant_are_refused() {
    let into = |amount| unidentified(fact("mutation", 1), &Place::bank(1), idr(amount));
    assert_eq!(into(-1), Err(RuleError::Amount));
    assert_eq!(into(0), Err(RuleError::Empty));
    assert_eq!(into(MAX_AMOUNT + 1), Err(RuleError::Amount));
    assert_eq!(into(i64::MIN), Err(RuleError::Amount));
    assert!(into(MAX_AMOUNT).is_ok());
    assert_eq!(opening_balance(fact("x", 1), &Place::of(Code::Tax), idr(1)), Err(RuleError::WrongPlace));
    assert_eq!(unidentified(fact("", 1), &Place::bank(1), idr(1)), Err(RuleError::Source));
    let many: Vec<(i64, i64)> = (1..=i64::try_from(MAX_POSTINGS).unwrap()).map(|id| (id, 1)).collect();
    assert_eq!(cash(SITI, 1, &shares(&many, 0)), Err(RuleError::TooMany));
    let usd = crate::money::Currency::parse("USD").unwrap();
    let mixed = Settlement { rest: Money::new(5, usd), ..shares(&[(5, 1)], 0) };
    assert_eq!(cash(SITI, 1, &mixed), Err(RuleError::Unbalanced));
}

#[test]
fn the_same_content_has_the_same_digest_in_any_order() {
    let one = cash(SITI, 1, &shares(&[(5, 100), (6, 50)], 0)).unwrap();
    let same = cash(SITI, 2, &shares(&[(6, 50), (5, 100)], 0)).unwrap();
    let other = cash(BUDI, 1, &shares(&[(5, 100), (6, 50)], 0)).unwrap();
    assert_eq!(one.digest(), same.digest());
    assert_ne!(one.digest(), other.digest());
}
