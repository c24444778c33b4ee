#include "assay/base.h"

#include <gtest/gtest.h>

#include <limits>
#include <memory>

#include "base/check.h"
#include "base/try.h"
#include "base/within.h"

namespace assay {
namespace {

TEST(Error, NamesItsPlaceWhereItHasOne) {
  EXPECT_EQ((Error{ErrorCode::kIo, "a.bin", "cannot open"}).to_string(), "a.bin: cannot open");
  EXPECT_EQ((Error{ErrorCode::kIo, "", "cannot open"}).to_string(), "cannot open");
}

TEST(Within, PutsTheFileBeforeThePlaceOnce) {
  const auto place = [](std::string_view file, const char* own) {
    return within(file, {ErrorCode::kIo, own, "no"}).place;
  };
  EXPECT_EQ(place("a.npy", "value 3"), "a.npy: value 3");
  EXPECT_EQ(place("a.npy", ""), "a.npy");
  EXPECT_EQ(place("", "value 3"), "value 3");
  for (const char* named : {"a.npy", "a.npy: value 3"}) EXPECT_EQ(place("a.npy", named), named);
  for (const char* directory : {"dir", "dir/"})
    EXPECT_EQ(place(directory, "dir/x.json: value 3"), "dir/x.json: value 3");
  // The file is not named where a place only begins alike.
  EXPECT_EQ(place("value", "value 3"), "value: value 3");
  EXPECT_EQ(place("dir", "directory/x"), "dir: directory/x");
  const Error error = within("f", {ErrorCode::kMismatch, "x", "reason"});
  EXPECT_EQ(error.code, ErrorCode::kMismatch);
  EXPECT_EQ(error.reason, "reason");
}

Result<int> half(int value) {
  if (value % 2 != 0) return Error{ErrorCode::kOutOfRange, "value", "odd"};
  return value / 2;
}

Status require_even(int value) {
  static_cast<void>(ASSAY_TRY(half(value)));
  return {};
}

Result<int> quarter(int value) {
  ASSAY_TRY(require_even(value));
  return half(ASSAY_TRY(half(value)));
}

TEST(Result, HoldsAValueOrAnError) {
  const Result<int> good = half(8);
  ASSERT_TRUE(good.ok());
  EXPECT_TRUE(static_cast<bool>(good));
  EXPECT_EQ(good.value(), 4);
  EXPECT_EQ(*good, 4);
  const Result<int> bad = half(7);
  EXPECT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().code, ErrorCode::kOutOfRange);
}

TEST(Result, GivesItsValueAway) {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(3));
  result.value() = std::make_unique<int>(4);
  **result += 1;
  const std::unique_ptr<int> taken = *std::move(result);
  EXPECT_EQ(*taken, 5);
  Result<std::string> text(std::string("abc"));
  EXPECT_EQ(text->size(), 3u);
  text->push_back('d');
  EXPECT_EQ(std::as_const(text)->size(), 4u);
}

TEST(Try, PassesTheErrorOn) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().reason, "odd");
  EXPECT_EQ(quarter(5).error().reason, "odd");
  require_even(2).value();
}

TEST(ResultDeathTest, AccessToWhatIsNotThereEndsTheProgram) {
  EXPECT_DEATH(static_cast<void>(half(7).value()), "value\\(\\) of a failed Result: value: odd");
  EXPECT_DEATH(static_cast<void>(half(8).error()), "error\\(\\) of a Result that holds a value");
  EXPECT_DEATH(require_even(7).value(), "value\\(\\) of a failed Status: value: odd");
  EXPECT_DEATH(static_cast<void>(require_even(8).error()), "error\\(\\) of a successful Status");
}

TEST(CheckDeathTest, PrintsConditionAndOperands) {
  const int two = 2;
  const std::string_view name = "abacus";
  EXPECT_DEATH(ASSAY_CHECK(name.empty()), "base_test.cc:[0-9]+: check failed: name.empty\\(\\)\n");
  EXPECT_DEATH(ASSAY_CHECK(name.empty(), name), "check failed: name.empty\\(\\): with name = abacus\n");
  EXPECT_DEATH(ASSAY_CHECK(two > 2 && name.empty(), two, name.size()),
               "check failed: two > 2 && name.empty\\(\\): with two, name.size\\(\\) = 2, 6\n");
#ifdef NDEBUG
  ASSAY_DCHECK(two == 3, two);
#else
  EXPECT_DEATH(ASSAY_DCHECK(two == 3, two), "check failed: two == 3: with two = 2\n");
#endif
  ASSAY_CHECK(two == 2, two);
  ASSAY_DCHECK(two == 2, two);
}

TEST(CheckDeathTest, ComparisonsPrintBothSides) {
  const int two = 2;
  EXPECT_DEATH(ASSAY_CHECK_EQ(two, 3), "base_test.cc:[0-9]+: check failed: two == 3: 2 against 3\n");
  EXPECT_DEATH(ASSAY_CHECK_LT(two, 2), "check failed: two < 2: 2 against 2\n");
  EXPECT_DEATH(ASSAY_CHECK_LE(two, 1), "check failed: two <= 1: 2 against 1\n");
  EXPECT_DEATH(ASSAY_CHECK_GT(two, 2), "check failed: two > 2: 2 against 2\n");
  EXPECT_DEATH(ASSAY_CHECK_GE(two, 3), "check failed: two >= 3: 2 against 3\n");
  ASSAY_CHECK_EQ(two, 2);
  ASSAY_CHECK_LT(two, 3);
  ASSAY_CHECK_LE(two, 2);
  ASSAY_CHECK_GT(two, 1);
  ASSAY_CHECK_GE(two, 2);
}

/// Has a text of its own, which a check prints.
struct Named {
  std::string name;
  [[nodiscard]] std::string to_string() const { return name; }
  friend bool operator==(const Named&, const Named&) = default;
};

TEST(CheckDeathTest, ComparesAndPrintsWhatIsNoPlainInteger) {
  // By value, where the signs of the types differ.
  const std::size_t size = 7;
  EXPECT_DEATH(ASSAY_CHECK_LT(size, -1), "size < -1: 7 against -1\n");
  ASSAY_CHECK_GT(size, -1);
  EXPECT_DEATH(ASSAY_CHECK_EQ(Outcome::kRejected, Outcome::kAccepted), ": [0-9] against [0-9]\n");
  const Named square{"2,2"}, line{"4"};
  EXPECT_DEATH(ASSAY_CHECK_EQ(square, line), "square == line: 2,2 against 4\n");
  const double not_a_number = std::numeric_limits<double>::quiet_NaN();
  EXPECT_DEATH(ASSAY_CHECK_LE(not_a_number, 1.0), "not_a_number <= 1.0: nan against 1\n");
  EXPECT_DEATH(ASSAY_CHECK_GE(not_a_number, 1.0), "not_a_number >= 1.0: nan against 1\n");
}

TEST(CheckDeathTest, WhatIsPrintedIsAskedForOnlyThen) {
  int asked = 0;
  const auto ask = [&] { return ++asked; };
  ASSAY_CHECK(asked == 0, ask());
  EXPECT_EQ(asked, 0);
}

TEST(Hex, BothWays) {
  const Bytes bytes{0x00, 0x01, 0x7f, 0x80, 0xab, 0xff};
  EXPECT_EQ(to_hex(bytes), "00017f80abff");
  EXPECT_EQ(from_hex("00017f80abff", "t").value(), bytes);
  EXPECT_EQ(from_hex("00017F80ABFF", "t").value(), bytes);
  EXPECT_EQ(to_hex({}), "");
  EXPECT_TRUE(from_hex("", "t").value().empty());
}

TEST(Hex, RefusesWhatIsNotHex) {
  EXPECT_EQ(from_hex("abc", "field").error().to_string(), "field: hexadecimal text of odd length");
  EXPECT_EQ(from_hex("ab0g", "field").error().to_string(), "field: not a hexadecimal digit at character 3");
  for (const char* bad : {"0x", " 0", "0/", "0:", "0@", "0G", "0`", "g0", "\xff\xff"}) {
    EXPECT_EQ(from_hex(bad, "t").error().code, ErrorCode::kMalformed) << bad;
  }
  EXPECT_FALSE(from_hex(std::string_view("0\0", 2), "t").ok());
}

}  // namespace
}  // namespace assay
