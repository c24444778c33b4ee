#include "assay/integers.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <random>

namespace assay {
namespace {

// r and its neighbours, as the literature prints them.
constexpr std::string_view kHalfText =
    "10944121435919637611123202872628637544274182200208017171849102093287904247808";
constexpr std::string_view kHalfPlusOneText =
    "10944121435919637611123202872628637544274182200208017171849102093287904247809";
constexpr std::string_view kLargestText =
    "21888242871839275222246405745257275088548364400416034343698204186575808495616";
constexpr std::string_view kModulusText =
    "21888242871839275222246405745257275088548364400416034343698204186575808495617";

Scalar scalar(std::string_view text) { return Scalar::from_decimal(text, "t").value(); }
ErrorCode code_of(std::string_view text) { return Scalar::from_decimal(text, "t").error().code; }

// Decimal and bytes, from Python's integers.
TEST(Scalar, DecimalAndBytesAgreeWithASecondImplementation) {
  constexpr std::pair<std::string_view, std::string_view> kPairs[] = {
      {"0", "0000000000000000000000000000000000000000000000000000000000000000"},
      {"1", "0100000000000000000000000000000000000000000000000000000000000000"},
      {"13935500888991235141", "457c769f39d864c1000000000000000000000000000000000000000000000000"},
      {"25060556914561499289", "99c0e5bdbcfbc85b010000000000000000000000000000000000000000000000"},
      {"100000000000000000000000000000000000000",
       "0000000040228a097ac4865aa84c3b4b00000000000000000000000000000000"},
      {"125887218704001909814648602703016566750",
       "de1fc1b0ea6b44f130436dd714ffb45e00000000000000000000000000000000"},
      {"4073679322348032813717911446159148479276752702266325143039",
       "ff0d21d7db0b33777738a5c674d37ff136eac13f553223a60000000000000000"},
      {"10000000000000000000000000000000000000000000000000000000000000000000000000000",
       "000000000000000000109571f1a57577792965e8abb46407b5159911a7cc1b16"},
      {"10805903516421252683509677187559765285674683977305787515939611717497184993592",
       "3841460d3b6aa1e68d682728f610fb1c7fd92d5fa2e81478007152deb5ece317"},
  };
  for (const auto& [decimal, hex] : kPairs) {
    EXPECT_EQ(to_hex(scalar(decimal).to_bytes()), hex);
    EXPECT_EQ(scalar(decimal).to_decimal(), decimal);
    EXPECT_EQ(Scalar::from_bytes(from_hex(hex, "t").value(), "t").value(), scalar(decimal));
  }
}

TEST(Scalar, NegativeIntegersAreResidues) {
  EXPECT_EQ(scalar("-5").to_decimal(),
            "21888242871839275222246405745257275088548364400416034343698204186575808495612");
  EXPECT_EQ(scalar("-5").to_signed_decimal(), "-5");
  EXPECT_EQ(scalar("-1").to_decimal(), kLargestText);
  EXPECT_EQ(scalar(kLargestText).to_signed_decimal(), "-1");
  EXPECT_EQ(scalar(kHalfText).to_signed_decimal(), kHalfText);
  EXPECT_EQ(scalar("-" + std::string(kHalfText)).to_decimal(), kHalfPlusOneText);
  EXPECT_FALSE(scalar(kHalfText).is_negative());
  EXPECT_TRUE(scalar(kHalfPlusOneText).is_negative());
  EXPECT_EQ(scalar(kHalfPlusOneText).magnitude(), scalar(kHalfText));
  EXPECT_EQ(scalar("-5").magnitude(), scalar("5"));
  EXPECT_EQ(scalar("5").magnitude(), scalar("5"));
  EXPECT_FALSE(Scalar{}.is_negative());
}

TEST(Scalar, DecimalRangesEndAtTheModulus) {
  EXPECT_EQ(code_of(kModulusText), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of("-" + std::string(kHalfPlusOneText)), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of(std::string(77, '9')), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of(std::string(78, '9')), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of(std::string(79, '9')), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of("1" + std::string(1000, '0')), ErrorCode::kOutOfRange);
  // 2^256 and 2^256 + 1: they must not come back as 0 and 1.
  EXPECT_EQ(code_of("115792089237316195423570985008687907853269984665640564039457584007913129639936"),
            ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of("-115792089237316195423570985008687907853269984665640564039457584007913129639937"),
            ErrorCode::kOutOfRange);
}

TEST(Scalar, DecimalHasOneFormOnly) {
  for (const char* bad : {"", "-", "+5", "-+5", "--5", "007", "-007", "00", "-0", " 5", "5 ", "5\n", "1e3",
                          "1.0", "0x5", "1,000", "\xd9\xa3", "5-"}) {
    EXPECT_EQ(code_of(bad), ErrorCode::kMalformed) << '"' << bad << '"';
  }
  EXPECT_EQ(code_of(std::string_view("5\0", 2)), ErrorCode::kMalformed);
  EXPECT_EQ(Scalar::from_decimal("x", "file: row 3").error().place, "file: row 3");
}

TEST(Scalar, DecimalRoundTripsAtEveryLength) {
  std::string text;
  for (int digit = 1; text.size() < 76; ++digit) {
    text.push_back(static_cast<char>('0' + digit % 10));
    EXPECT_EQ(scalar(text).to_decimal(), text);
    EXPECT_EQ(scalar("-" + text).to_signed_decimal(), "-" + text);
    const std::string round = "1" + std::string(text.size() - 1, '0');
    EXPECT_EQ(scalar(round).to_decimal(), round);
  }
}

TEST(Scalar, FromMachineIntegers) {
  EXPECT_EQ(Scalar::from_i64(-5), scalar("-5"));
  EXPECT_EQ(Scalar::from_i64(0), Scalar{});
  EXPECT_EQ(Scalar::from_i64(std::numeric_limits<std::int64_t>::min()).to_signed_decimal(),
            "-9223372036854775808");
  EXPECT_EQ(Scalar::from_i64(std::numeric_limits<std::int64_t>::max()).to_decimal(), "9223372036854775807");
  EXPECT_EQ(Scalar::from_u64(UINT64_MAX).to_decimal(), "18446744073709551615");
}

TEST(Scalar, FromMagnitudeEndsAtHalf) {
  const Scalar half = scalar(kHalfText);
  EXPECT_EQ(Scalar::from_magnitude(false, half.words, "t").value(), half);
  EXPECT_EQ(Scalar::from_magnitude(true, half.words, "t").value(), scalar(kHalfPlusOneText));
  EXPECT_EQ(Scalar::from_magnitude(true, {}, "t").value(), Scalar{});
  const Scalar above = scalar(kHalfPlusOneText);
  EXPECT_EQ(Scalar::from_magnitude(false, above.words, "t").error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(Scalar::from_magnitude(true, above.words, "t").error().code, ErrorCode::kOutOfRange);
  EXPECT_FALSE(Scalar::from_magnitude(false, {0, 0, 0, UINT64_MAX}, "t").ok());
}

TEST(Scalar, FromBytesIsCanonical) {
  const auto largest = scalar(kLargestText).to_bytes();
  EXPECT_EQ(Scalar::from_bytes(largest, "t").value(), scalar("-1"));
  auto modulus = largest;
  modulus[0] += 1;
  EXPECT_EQ(Scalar::from_bytes(modulus, "t").error().code, ErrorCode::kNonCanonical);
  EXPECT_EQ(Scalar::from_bytes(Bytes(32, 0xff), "t").error().code, ErrorCode::kNonCanonical);
  EXPECT_EQ(Scalar::from_bytes(Bytes(31), "t").error().code, ErrorCode::kMalformed);
  EXPECT_EQ(Scalar::from_bytes(Bytes(33), "t").error().code, ErrorCode::kMalformed);
}

TEST(Scalar, BitWidthIsThatOfTheResidue) {
  EXPECT_EQ(Scalar{}.bit_width(), 0u);
  EXPECT_EQ(scalar("1").bit_width(), 1u);
  EXPECT_EQ(scalar("255").bit_width(), 8u);
  EXPECT_EQ(scalar("18446744073709551616").bit_width(), 65u);
  EXPECT_EQ(scalar("-1").bit_width(), 254u);
}

TEST(IntegerView, ReadsEveryKind) {
  const std::vector<std::int8_t> i8{-128, 0, 127};
  const std::vector<std::int16_t> i16{-32768, 0, 127};
  const std::vector<std::int32_t> i32{-5, 0, 127};
  const std::vector<std::int64_t> i64{std::numeric_limits<std::int64_t>::min(), 0, 127};
  const std::vector<Scalar> scalars{scalar("-77"), scalar("0"), scalar("127")};
  const std::pair<IntegerView, std::string> views[] = {
      {i8, "-128"}, {i16, "-32768"}, {i32, "-5"}, {i64, "-9223372036854775808"}, {scalars, "-77"}};
  constexpr std::size_t kSizes[] = {1, 2, 4, 8, 32};
  for (std::size_t i = 0; i < 5; ++i) {
    const IntegerView& view = views[i].first;
    EXPECT_EQ(static_cast<std::size_t>(view.kind()), i);
    EXPECT_EQ(view.element_size(), kSizes[i]);
    EXPECT_EQ(view.size(), 3u);
    EXPECT_EQ(view[0].to_signed_decimal(), views[i].second);
    EXPECT_EQ(view[1], Scalar{});
    EXPECT_EQ(view[2], scalar("127"));
    EXPECT_EQ(view.subview(1, 2)[1], scalar("127"));
    EXPECT_EQ(view.subview(2, 1).size(), 1u);
    EXPECT_EQ(view.subview(3, 0).size(), 0u);
    EXPECT_EQ(view.subview(0, 3).data(), view.data());
  }
  EXPECT_EQ(IntegerView().size(), 0u);
  EXPECT_EQ(IntegerView().subview(0, 0).size(), 0u);
}

TEST(IntegerViewDeathTest, OutsideIsABug) {
  const std::vector<std::int16_t> data(3);
  const IntegerView view(data);
  EXPECT_DEATH(static_cast<void>(view[3]), "check failed");
  EXPECT_DEATH(static_cast<void>(view.subview(2, 2)), "check failed");
  EXPECT_DEATH(static_cast<void>(view.subview(4, 0)), "check failed");
  EXPECT_DEATH(static_cast<void>(view.subview(1, SIZE_MAX)), "check failed");
}

Axes axes(std::string_view text) { return Axes::parse(text, "t").value(); }

TEST(Axes, ParsesAndPrints) {
  EXPECT_EQ(axes("6,7,8").to_string(), "6,7,8");
  EXPECT_EQ(axes("1").to_string(), "1");
  EXPECT_EQ(axes("6,7,8").count(), 3u);
  EXPECT_EQ(axes("6,7,8")[1], 7u);
  EXPECT_EQ(axes("6,7,8").sizes().back(), 8u);
  EXPECT_EQ(axes("6,7"), axes("6,7"));
  EXPECT_NE(axes("6,7"), axes("7,6"));
  EXPECT_NE(axes("6"), axes("6,1"));
}

TEST(Axes, RefusesOtherTexts) {
  for (const char* bad :
       {"", ",", "6,", ",6", "6,,6", "6;6", " 6", "6 ", "+6", "-6", "06", "00", "x", "6,x", "6.0", "0x6"}) {
    EXPECT_EQ(Axes::parse(bad, "t").error().code, ErrorCode::kMalformed) << bad;
  }
  for (const char* bad : {"0", "6,0", "1048577", "99999999999999999999", "65536,65536,2", "1048576,4097"}) {
    EXPECT_EQ(Axes::parse(bad, "t").error().code, ErrorCode::kOutOfRange) << bad;
  }
  EXPECT_EQ(Axes::parse("6,0", "--axes").error().to_string(),
            "--axes: axis 1 of 0 nodes, 1 to 1048576 are possible");
}

TEST(Axes, HasCaps) {
  EXPECT_EQ(axes("65536,65536").volume(), Axes::kMaxVolume);
  EXPECT_EQ(axes("1048576").volume(), Axes::kMaxSize);
  const std::vector<std::uint64_t> most(32, 2);
  EXPECT_EQ(Axes::from(most, "t").value().volume(), Axes::kMaxVolume);
  EXPECT_EQ(Axes::from(std::vector<std::uint64_t>(33, 1), "t").error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(Axes::from({}, "t").error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(Axes::from(std::vector<std::uint64_t>{UINT64_MAX, UINT64_MAX}, "t").error().code,
            ErrorCode::kOutOfRange);
}

TEST(Axes, VolumesOfSuffixes) {
  EXPECT_EQ(axes("6,7,8").volume(), 336u);
  EXPECT_EQ(axes("6,7,8").volume(1), 56u);
  EXPECT_EQ(axes("6,7,8").volume(3), 1u);
}

TEST(Axes, IndexAndCoordinatesAreInverse) {
  const Axes shape = axes("3,1,4,2");
  EXPECT_EQ(shape.index_of(std::array<std::uint32_t, 4>{1, 0, 2, 1}).value(), 13u);
  for (std::uint64_t index = 0; index < shape.volume(); ++index) {
    EXPECT_EQ(shape.index_of(shape.coordinates_of(index)).value(), index);
  }
  EXPECT_EQ(shape.coordinates_of(23), (std::vector<std::uint32_t>{2, 0, 3, 1}));
}

TEST(Axes, IndexRefusesPointsOutside) {
  const Axes shape = axes("3,4");
  EXPECT_EQ(shape.index_of(std::array<std::uint32_t, 1>{0}).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(shape.index_of(std::array<std::uint32_t, 3>{}).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(shape.index_of(std::array<std::uint32_t, 2>{3, 0}).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(shape.index_of(std::array<std::uint32_t, 2>{0, 4}).error().reason,
            "coordinate 1 is 4, axis 1 has 4 nodes");
}

TEST(AxesDeathTest, OutsideIsABug) {
  EXPECT_DEATH(static_cast<void>(axes("3,4").coordinates_of(12)), "check failed");
  EXPECT_DEATH(static_cast<void>(axes("3,4").volume(3)), "check failed");
}

TEST(Selection, RefusesWhatIsNoPartOfTheGrid) {
  const Axes shape = axes("3,4,5");
  const auto expect_refused = [&](const Selection& selection, ErrorCode code, std::string_view reason) {
    const Status status = selection.check(shape, "query");
    ASSERT_FALSE(status.ok()) << reason;
    EXPECT_EQ(status.error().code, code) << reason;
    EXPECT_EQ(status.error().to_string(), "query: " + std::string(reason));
  };
  using List = std::vector<std::uint32_t>;
  const List none;
  expect_refused(Selection{none, {0}}, ErrorCode::kOutOfRange, "no axis is fixed");
  expect_refused(Selection{{0}, none}, ErrorCode::kOutOfRange, "no position is given");
  for (const List& fixed : {List{1, 0}, List{1, 1}, List{0, 2, 1}})
    expect_refused(Selection{fixed, {0}}, ErrorCode::kNonCanonical,
                   "the fixed axes are not in ascending order");
  expect_refused(Selection{{0, 3}, {0}}, ErrorCode::kOutOfRange, "axis 3 of 3");
  for (const List& positions : {List{2, 1}, List{1, 1}, List{0, 2, 1}})
    expect_refused(Selection{{0}, positions}, ErrorCode::kNonCanonical,
                   "the positions are not in ascending order");
  expect_refused(Selection{{0, 2}, {0, 15}}, ErrorCode::kOutOfRange,
                 "position 15 where the fixed axes have 15");
  EXPECT_TRUE((Selection{{0, 2}, {0, 14}}.check(shape, "query").ok()));
  EXPECT_TRUE((Selection{{0, 1, 2}, {59}}.check(shape, "query").ok()));
}

TEST(Selection, HasThePartsThatItsPositionsSay) {
  const Axes shape = axes("3,4,5");
  using List = std::vector<std::uint32_t>;
  const Selection rows{{0, 2}, {0, 3, 5, 14}};
  EXPECT_EQ(rows.free_axes(shape), List{1});
  EXPECT_EQ(rows.part_size(shape), 4u);
  EXPECT_EQ(rows.coordinates(shape, 1), (List{0, 3}));
  EXPECT_EQ(rows.coordinates(shape, 2), (List{1, 0}));
  EXPECT_EQ(rows.coordinates(shape, 3), (List{2, 4}));
  EXPECT_EQ(rows.shared(shape, 0), 0u);
  EXPECT_EQ(rows.shared(shape, 1), 1u);
  EXPECT_EQ(rows.shared(shape, 2), 0u);
  const Selection entries{{0, 1, 2}, {23, 24, 26}};
  EXPECT_TRUE(entries.free_axes(shape).empty());
  EXPECT_EQ(entries.part_size(shape), 1u);
  EXPECT_EQ(entries.shared(shape, 1), 2u);
  EXPECT_EQ(entries.shared(shape, 2), 1u);
}

TEST(Selection, CountsTheFirstAxesWithoutAGap) {
  using List = std::vector<std::uint32_t>;
  const auto leading = [](const List& fixed) { return Selection{fixed, {0}}.leading(); };
  EXPECT_EQ(leading({0}), 1u);
  EXPECT_EQ(leading({0, 1, 2}), 3u);
  EXPECT_EQ(leading({0, 2}), 1u);
  EXPECT_EQ(leading({1, 2}), 0u);
  // What lies behind the end of the axes may look like the next one.
  Selection shorter{{0, 1, 2}, {0}};
  shorter.fixed.pop_back();
  EXPECT_EQ(shorter.leading(), 2u);
}

}  // namespace
}  // namespace assay
