#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "assay/profile.h"

namespace assay::profile {
namespace {

using Lines = std::vector<std::string>;

Measurement measured() { return {"mine", {"one", "bfloat16", "sdpa, eager"}, 0.01, 200}; }
Conditions here() { return {"one", "bfloat16", "eager"}; }

std::string said(const std::function<void(Measurement&, Conditions&)>& change) {
  Measurement measurement = measured();
  Conditions conditions = here();
  change(measurement, conditions);
  return unmeasured(measurement, conditions);
}

TEST(Unmeasured, SaysWhatIsNotAsItWasMeasured) {
  const std::string end = ": its false-alarm rate was not measured for this";
  EXPECT_EQ(said([](auto&, auto&) {}), "");
  EXPECT_EQ(said([](auto&, auto& c) { c.kernel = "sdpa"; }), "");
  EXPECT_EQ(said([](auto& m, auto& c) { m.conditions.kernel = " sdpa,flex ", c.kernel = "flex"; }), "");
  EXPECT_EQ(said([](auto&, auto& c) { c.kernel = "flash"; }),
            "the profile 'mine' is of attention 'sdpa, eager', here it is 'flash'" + end);
  EXPECT_EQ(said([](auto&, auto& c) { c.model = "other"; }),
            "the profile 'mine' is of model 'one', here it is 'other'" + end);
  EXPECT_EQ(said([](auto&, auto& c) { c.model = "other", c.dtype = "float32"; }),
            "the profile 'mine' is of model 'one', here it is 'other', and of dtype 'bfloat16', here it is "
            "'float32'" +
                end);
}

TEST(Unmeasured, TakesAPartOfANameForNoName) {
  for (const char* other : {"sdp", "eage", "sdpa, eage", ","})
    EXPECT_NE(said([&](auto&, auto& c) { c.kernel = other; }), "") << other;
  // Models and dtypes are no lists.
  EXPECT_NE(said([](auto& m, auto&) { m.conditions.model = "one, two"; }), "");
}

TEST(Unmeasured, HoldsNothingAgainstWhatIsLeftOpen) {
  EXPECT_EQ(said([](auto&, auto& c) { c = {}; }), "");
  EXPECT_EQ(said([](auto& m, auto& c) { m.conditions = {}, c = {"other", "float32", "flash"}; }), "");
}

Verdict with_basis(const Measurement& measurement, const Conditions& conditions) {
  Verdict verdict = Verdict::accepted();
  add_basis(verdict, measurement, conditions, "200 honest sequences");
  return verdict;
}

TEST(Basis, IsTheRateWhereItWasMeasured) {
  EXPECT_EQ(
      with_basis(measured(), here()).assumptions(),
      (Lines{
          "honest runs stay within the bounds of the profile 'mine': with 95 % confidence, one is rejected "
          "with probability at most 0.01 (from 200 honest sequences)"}));
  EXPECT_EQ(with_basis(measured(), here()).notes(), Lines{});
  Measurement without = measured();
  without.false_alarm_bound.reset();
  EXPECT_EQ(with_basis(without, here()).assumptions(),
            (Lines{"honest runs stay within the bounds of the profile 'mine'; its false-alarm rate was not "
                   "measured"}));
}

TEST(Basis, PromisesNothingElsewhere) {
  Conditions other = here();
  other.dtype = "float32";
  const Verdict verdict = with_basis(measured(), other);
  EXPECT_EQ(verdict.assumptions(), (Lines{"honest runs stay within the bounds of the profile 'mine'"}));
  EXPECT_EQ(verdict.notes(), (Lines{unmeasured(measured(), other)}));
}

TEST(Basis, NamesTheConditionsThatNobodyTold) {
  Conditions open = here();
  open.model = "";
  open.kernel = "";
  EXPECT_EQ(with_basis(measured(), open).assumptions().at(1),
            "this run was like the measured ones: model 'one', attention 'sdpa, eager'");
}

TEST(Measurement, IsBounded) {
  EXPECT_TRUE(measured().validate().ok());
  Measurement most = measured();
  most.name.assign(Measurement::kMaxText, 'x');
  for (const double bound : {0.0, 1.0}) {
    most.false_alarm_bound = bound;
    EXPECT_TRUE(most.validate().ok()) << bound;
  }
  const auto place_with = [](const std::function<void(Measurement&)>& change) {
    Measurement measurement = measured();
    change(measurement);
    const Status status = measurement.validate();
    EXPECT_EQ(status.error().code, ErrorCode::kOutOfRange);
    return status.error().place;
  };
  EXPECT_EQ(place_with([](Measurement& m) { m.name = "\xff"; }), "name");
  EXPECT_EQ(place_with([](Measurement& m) { m.name.assign(Measurement::kMaxText + 1, 'x'); }), "name");
  EXPECT_EQ(place_with([](Measurement& m) { m.name = "two\nlines"; }), "name");
  EXPECT_EQ(place_with([](Measurement& m) { m.name = "\x7f"; }), "name");
  EXPECT_EQ(place_with([](Measurement& m) { m.name = "\x1f"; }), "name");
  EXPECT_EQ(place_with([](Measurement& m) { m.conditions.model = "\xff"; }), "model");
  EXPECT_EQ(place_with([](Measurement& m) { m.conditions.dtype = "\xff"; }), "dtype");
  EXPECT_EQ(place_with([](Measurement& m) { m.conditions.kernel = "\xff"; }), "kernel");
  for (const double bad : {-0.1, 1.1, std::numeric_limits<double>::quiet_NaN()})
    EXPECT_EQ(place_with([&](Measurement& m) { m.false_alarm_bound = bad; }), "false_alarm_bound");
}

}  // namespace
}  // namespace assay::profile
