// The original's arithmetic, against its definition.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "assay/probe_attestation.h"
#include "base/sha256.h"
#include "probe/test_support.h"

namespace assay::probe {
namespace {

using testing::HasSubstr;

TEST(ProbeCompat, TrainsOnSixTokensAsTheSeedDoes) {
  const Unembedding u = open_unembedding(test::vectors() / "u.gotue").value();
  const CompatGeometry geometry = compat_geometry(u, 1e-6F).value();
  EXPECT_FALSE(geometry.regularised);
  EXPECT_EQ(geometry.phi[0], 1 + 9 + 4 + 1);  // the first column's square
  const std::vector<float> rows = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 1, 1};
  const std::vector<bool> labels = {true, false, true, false, true, false};
  CompatTraining options;
  options.epochs = 1;
  const OriginalProbe once = compat_train("x", rows, labels, nullptr, geometry, options).value();
  // The first step from zero: w = lr / 2 * Phi h, for the error of sigmoid(0) is -1/2.
  options.epochs = 0;
  EXPECT_THAT(compat_train("x", rows, labels, nullptr, geometry, options)->weights, testing::Each(0.0F));
  options.epochs = 1;
  const OriginalProbe first =
      compat_train("x", std::span(rows).first(4), {true}, nullptr, geometry, options).value();
  for (std::size_t j = 0; j < 4; ++j) EXPECT_FLOAT_EQ(first.weights[j], 5e-4F * geometry.phi[j * 4]);
  EXPECT_FLOAT_EQ(first.bias, 5e-4F);
  EXPECT_EQ(once.platt_scale, 1.0F);
  EXPECT_EQ(once.reliability_threshold, 0.7F);
  const OriginalProbe calibrated = compat_train("x", rows, labels, &labels, geometry, options).value();
  EXPECT_NE(calibrated.platt_scale, 1.0F);
  options.learning_rate = 3e38F;
  options.epochs = 100;
  EXPECT_THAT(compat_train("x", rows, labels, nullptr, geometry, options).error().reason, HasSubstr("--lr"));
  EXPECT_EQ(compat_train("x", rows, {true}, nullptr, geometry, options).error().code, ErrorCode::kMismatch);
  const std::vector<bool> few = {true};
  EXPECT_EQ(compat_train("x", rows, labels, &few, geometry, options).error().place, "--validation-labels");
}

// Whichever number it is that goes beyond the floats, while the others stay within them.
TEST(ProbeCompat, EachNumberOfAProbeStaysWithinTheFloats) {
  const auto refusal = [](std::uint32_t width, const std::vector<float>& rows,
                          const std::vector<bool>& labels, const std::vector<bool>* validation_labels,
                          const CompatTraining& options) {
    CompatGeometry plain{width, std::vector<float>(std::size_t{width} * width)};
    for (std::uint32_t i = 0; i < width; ++i) plain.phi[std::size_t{i} * width + i] = 1;
    const auto made = compat_train("x", rows, labels, validation_labels, plain, options);
    return made.ok() ? std::string("trained") : made.error().reason;
  };
  const std::string beyond = "the weights are beyond the floats: a smaller --lr";
  CompatTraining options;
  options.epochs = 1;
  options.learning_rate = 3e38F;
  const std::vector<float> bias = {0.5F, 1, 0, 0, 2, 0, 0, 2};
  EXPECT_EQ(refusal(2, bias, {false, true, true, true}, nullptr, options), beyond);
  EXPECT_EQ(refusal(2, {0.5F, 1, 0, 0, 2, 0}, {false, true, true}, nullptr, options), "trained");
  options.learning_rate = 1;
  options.platt_epochs = 1;
  options.platt_learning_rate = 3e38F;
  const std::vector<bool> one = {true};
  EXPECT_EQ(refusal(1, {8}, {true}, &one, options), beyond) << "the scale";
  const std::vector<bool> none(3);
  EXPECT_EQ(refusal(1, {1, -1, 1}, {true, false, true}, &none, options), beyond) << "the shift";
}

TEST(ProbeCompat, EpsilonWhereThereIsNoFactor) {
  const CompatGeometry geometry = compat_geometry(test::unembedding_of(8, 4), 0.5F).value();
  EXPECT_TRUE(geometry.regularised);
}

TEST(ProbeCompat, AttestsTheFirstPosition) {
  const Activations activations = open_activations(test::vectors() / "rows.gotact").value();
  const ProbeSet set = ProbeSet::read(test::vectors() / "set.json").value();
  const Unembedding u = open_unembedding(test::vectors() / "u.gotue").value();
  const CompatGeometry geometry = compat_geometry(u, 1e-6F).value();
  CompatAttestOptions options;
  options.model_id = "m";
  options.timestamp = 1775000000;
  const Attestation parent =
      Attestation::decode(test::text_of(test::vectors() / "full.json"), "full").value();
  options.parent = &parent;
  Checkpoint reference{4, 0, geometry.phi};
  options.reference = &reference;
  const Attestation made = compat_attest(activations, set, geometry, options).value();
  EXPECT_EQ(made.layer_readings[0].size(), 2U);
  const std::vector<float> image = geometry.apply(activations.layers[1].values.first(4));
  float reading = 0;
  for (std::size_t j = 0; j < 4; ++j) reading += set.probes[1].weights[j] * image[j];
  EXPECT_FLOAT_EQ(made.layer_readings[0][1], reading);
  EXPECT_EQ(made.input_hash, activations.sha256);
  EXPECT_EQ(made.sequence_number, 8U);
  EXPECT_EQ(made.parent_hash, parent.hash());
  EXPECT_EQ(made.geometry_drift, 0.0F);
  EXPECT_EQ(made.directional_drifts[0].drift, 0.0F);
  EXPECT_FALSE(made.geometry_hash);
  // The same constant as in all files of the original with so many probes.
  const auto numbers = Sha256().update_u64(0).update_u64(1).digest();
  EXPECT_EQ(made.probe_commitment, numbers);
  ProbeSet elsewhere = set;
  elsewhere.layer = 2;
  EXPECT_EQ(compat_attest(activations, elsewhere, geometry, options).error().place, "layer");
  elsewhere = set;
  for (OriginalProbe& probe : elsewhere.probes) probe.weights.pop_back();
  EXPECT_EQ(compat_attest(activations, elsewhere, geometry, options).error().place, "width");
}

TEST(ProbeCompat, AnUnembeddingIsAsWideAsTheProbes) {
  const Activations activations = open_activations(test::vectors() / "rows.gotact").value();
  const ProbeSet set = ProbeSet::read(test::vectors() / "set.json").value();
  const CompatGeometry geometry = compat_geometry(test::unembedding_of(8), 1e-6F).value();
  CompatAttestOptions options;
  options.model_id = "m";
  const Result<Attestation> made = compat_attest(activations, set, geometry, options);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().reason, "rows of 4 and an unembedding of 8 values for probes of 4");
}

TEST(ProbeCompat, DivergesWhereAProbeIsNotReliable) {
  const Activations activations = open_activations(test::vectors() / "rows.gotact").value();
  ProbeSet set = ProbeSet::read(test::vectors() / "set.json").value();
  const Unembedding u = open_unembedding(test::vectors() / "u.gotue").value();
  const CompatGeometry geometry = compat_geometry(u, 1e-6F).value();
  CompatAttestOptions options;
  options.model_id = "m";
  for (OriginalProbe& probe : set.probes) probe.reliability_threshold = 0;
  EXPECT_FALSE(compat_attest(activations, set, geometry, options).value().divergence_flag);
  const Attestation sure = compat_attest(activations, set, geometry, options).value();
  set.probes[1].reliability_threshold = sure.confidence.at(1);
  EXPECT_FALSE(compat_attest(activations, set, geometry, options).value().divergence_flag)
      << "as sure as it must be";
  set.probes[1].reliability_threshold = 2;
  EXPECT_TRUE(compat_attest(activations, set, geometry, options).value().divergence_flag);
}

TEST(ProbeCompat, SigningLooksAtTheClock) {
  const auto key = test::folder() / "key";
  write_private_file(key, Bytes(32, 3), AtomicFile::Existing::kReplace).value();
  Attestation attestation;
  attestation.timestamp = 1000300;
  EXPECT_TRUE(sign(attestation, key, 1000000).ok());
  attestation.timestamp = 1000301;
  EXPECT_EQ(sign(attestation, key, 1000000).error().code, ErrorCode::kOutOfRange);
}

TEST(ProbeCompat, LimitsInBothDirections) {
  const Attestation full = Attestation::decode(test::text_of(test::vectors() / "full.json"), "full").value();
  const auto code = [&](const auto& change) {
    Attestation changed = full;
    change(changed);
    return changed.validate().ok() ? ErrorCode::kIo : changed.validate().error().code;
  };
  EXPECT_EQ(code([](Attestation& a) { a.model_id = std::string(256, 'm'); }), ErrorCode::kIo);
  EXPECT_EQ(code([](Attestation& a) { a.model_id = std::string(257, 'm'); }), ErrorCode::kTooLarge);
  EXPECT_EQ(code([](Attestation& a) { a.layer_readings.assign(1025, {}); }), ErrorCode::kTooLarge);
  EXPECT_EQ(code([](Attestation& a) { a.layer_readings = {std::vector<float>(65537)}; }),
            ErrorCode::kTooLarge);
  EXPECT_EQ(code([](Attestation& a) { a.layer_readings = {std::vector<float>(65536)}; }), ErrorCode::kIo);
  EXPECT_EQ(code([](Attestation& a) { a.layer_readings = {{NAN}}; }), ErrorCode::kOutOfRange);
  EXPECT_EQ(code([](Attestation& a) { a.confidence[0] = INFINITY; }), ErrorCode::kOutOfRange);
  EXPECT_EQ(code([](Attestation& a) { a.causal_scores[0].plus = -INFINITY; }), ErrorCode::kOutOfRange);
  EXPECT_EQ(code([](Attestation& a) { a.density->std_dimension = NAN; }), ErrorCode::kOutOfRange);
  EXPECT_EQ(code([](Attestation& a) { a.curvature->correlation = NAN; }), ErrorCode::kOutOfRange);
  for (const std::uint8_t mode : std::initializer_list<std::uint8_t>{0, 1, 4, 5})
    EXPECT_EQ(code([&](Attestation& a) { a.domain->patterns[0].mode = mode; }),
              mode == 0 || mode == 5 ? ErrorCode::kOutOfRange : ErrorCode::kIo);
  EXPECT_EQ(code([](Attestation& a) { a.geometry_drift = NAN; }), ErrorCode::kOutOfRange);
  EXPECT_EQ(code([](Attestation& a) { a.directional_drifts[0].probe = std::string(257, 'p'); }),
            ErrorCode::kTooLarge);
  // -0 and +0 are signed as the same bytes.
  Attestation zero = full;
  zero.layer_readings[0][2] = 0.0F;
  EXPECT_EQ(zero.canonical(), full.canonical());
  const auto decoded = [&](std::string_view from, std::string_view to) {
    std::string text = full.encode();
    text.replace(text.find(from), from.size(), to);
    return Attestation::decode(text, "f").ok();
  };
  EXPECT_FALSE(decoded("\"Bfloat16\"", "\"Fp8\""));
  EXPECT_FALSE(decoded("\"Advisory\"", "\"None\""));
  EXPECT_FALSE(decoded("\"schema_version\": 1", "\"schema_version\": 2"));
  EXPECT_FALSE(decoded("CausalRegularised", "Another"));
  Attestation plain = full;
  plain.inner_product = Attestation::InnerProduct::kEuclidean;
  EXPECT_EQ(Attestation::decode(plain.encode(), "f").value().inner_product, plain.inner_product);
  std::string text = plain.encode();
  text.replace(text.find("Euclidean"), 9, "Hyperboli");
  EXPECT_FALSE(Attestation::decode(text, "f").ok());
}

TEST(ProbeCompat, ShardsAreHashedInTheOrderOfTheirNames) {
  const auto folder = test::folder();
  const auto leaf = [](std::string_view text) {
    const std::uint8_t zero = 0;
    return Sha256().update(ByteSpan(&zero, 1)).update(text).digest();
  };
  const auto node = [](const Digest& l, const Digest& r) {
    const std::uint8_t one = 1;
    return Sha256().update(ByteSpan(&one, 1)).update(l).update(r).digest();
  };
  EXPECT_EQ(compat_shards_root(folder).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(compat_shards_root(folder / "none").error().code, ErrorCode::kIo);
  write_file(folder / "b", std::string_view("two")).value();
  write_file(folder / "a", std::string_view("one")).value();
  EXPECT_EQ(compat_shards_root(folder).value(), node(leaf("one"), leaf("two")));
  write_file(folder / "c", std::string_view("three")).value();
  EXPECT_EQ(compat_shards_root(folder).value(),
            node(node(leaf("one"), leaf("two")), node(leaf("three"), leaf("three"))));
}

}  // namespace
}  // namespace assay::probe
