#include "assay/audit_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "audit/key_contents.h"
#include "audit/layer_values.h"
#include "audit/products.h"
#include "audit/statistics.h"
#include "audit/test_support.h"

namespace assay::audit {
namespace {

using internal::KeyContents;
using test::Llama;
using testing::HasSubstr;

class KeyTest : public testing::Test {
 protected:
  KeyTest() : folder_(Llama::config()) { folder_.whole(Llama().written()); }
  [[nodiscard]] std::vector<Key> enroll(Key::Options options) const {
    return Key::enroll(folder_.open().value(), options, World::system()).value();
  }
  weights::ModelFolder folder_;
  tensor::TempDir directory_;
};

TEST_F(KeyTest, HoldsTheProductsOfItsVectorsWithEachWeight) {
  Key::Options options;
  options.vectors = 3;
  options.epochs = 2;
  options.manifest.fill(7);
  const std::vector<Key> keys = enroll(options);
  ASSERT_EQ(keys.size(), 2U);
  const Llama model;
  for (const Key& key : keys) {
    EXPECT_EQ(key.manifest(), options.manifest);
    EXPECT_EQ(key.layers(), 7U * Llama::kBlocks + 1);
    const KeyContents& contents = *key.shared_contents();
    for (std::uint32_t op = 0; op < contents.layers.size(); ++op) {
      const Op& layer = contents.facts.table.ops[op];
      const test::Row& weight = model.tensors.at(layer.weight);
      const std::span<const double> r = contents.vectors_of(op);
      for (std::uint32_t v = 0; v < 3; ++v) {
        for (const std::size_t i : {std::size_t{0}, std::size_t{layer.in - 1}}) {
          double sum = 0;
          for (std::size_t j = 0; j < layer.out; ++j) sum += r[v * layer.out + j] * weight[j * layer.in + i];
          EXPECT_NEAR(contents.layers[op].projections[v * layer.in + i], sum, 1e-9);
        }
        EXPECT_EQ(contents.layers[op].biases[v], 0);
      }
      double squares = 0;
      for (std::size_t i = 0; i < layer.in; ++i) squares += double(weight[i]) * double(weight[i]);
      EXPECT_NEAR(contents.layers[op].scales[0], std::sqrt(squares), 1e-5) << "the usual size of output 0";
    }
  }
  EXPECT_NE(keys[0].shared_contents()->seed, keys[1].shared_contents()->seed);
  EXPECT_FALSE(
      std::ranges::equal(keys[0].shared_contents()->vectors_of(0), keys[1].shared_contents()->vectors_of(0)));
}

TEST_F(KeyTest, DrawsIndependentNormalValues) {
  Digest seed{};
  seed.fill(3);
  constexpr std::size_t kCount = 200'001;
  std::vector<double> a(kCount);
  std::vector<double> b(kCount);
  internal::fill_normal(seed, 4, 0, a);
  internal::fill_normal(seed, 5, 0, b);
  double mean = 0;
  double square = 0;
  double fourth = 0;
  double product = 0;
  for (std::size_t i = 0; i < kCount; ++i) {
    mean += a[i] / kCount;
    square += a[i] * a[i] / kCount;
    fourth += a[i] * a[i] * a[i] * a[i] / kCount;
    product += a[i] * b[i] / kCount;
  }
  // Five standard deviations of each: 1, sqrt(2), sqrt(96) and 1 over sqrt(count).
  const double unit = 5 / std::sqrt(double{kCount});
  EXPECT_NEAR(mean, 0, unit);
  EXPECT_NEAR(square, 1, unit * std::sqrt(2));
  EXPECT_NEAR(fourth, 3, unit * std::sqrt(96));
  EXPECT_NEAR(product, 0, unit) << "of two layers";
  b[3] = 7;
  internal::fill_normal(seed, 4, 1, std::span(b).first(3));
  EXPECT_EQ(b[3], 7) << "of an odd count nothing more is written";
  internal::fill_normal(seed, 4, 1, b);
  EXPECT_NE(a, b) << "of two vectors";
}

TEST_F(KeyTest, IsReadBackAsItWasWritten) {
  const Key key = enroll({}).front();
  const Bytes bytes = key.encode();
  const Key again = Key::decode(bytes, "test").value();
  EXPECT_EQ(again.encode(), bytes);
  EXPECT_EQ(again.shared_contents()->facts.norms, key.shared_contents()->facts.norms);
  EXPECT_EQ(again.shared_contents()->layers, key.shared_contents()->layers);
  for (std::size_t size = 0; size < bytes.size(); size += 1 + bytes.size() / 300)
    EXPECT_FALSE(Key::decode(ByteSpan(bytes).first(size), "cut").ok()) << size;
  Bytes longer = bytes;
  longer.push_back(0);
  EXPECT_EQ(Key::decode(longer, "longer").error().code, ErrorCode::kMalformed);
  Bytes infinite = bytes;
  std::fill(infinite.end() - 2, infinite.end(), 0x7f);
  *(infinite.end() - 2) = 0xf0;
  EXPECT_EQ(Key::decode(infinite, "infinite").error().code, ErrorCode::kOutOfRange);
}

TEST_F(KeyTest, RefusesWhatIsNoKey) {
  Key::Options options;
  options.vectors = 1;
  const Key key = enroll(options).front();
  const Bytes bytes = key.encode();
  constexpr std::size_t kEpoch = std::string_view("assay/audit/key/v1").size();
  constexpr std::size_t kVectors = kEpoch + 4 + 32;
  const auto with_number = [&](std::size_t at, auto number) {
    Bytes changed = bytes;
    std::memcpy(&changed[at], &number, sizeof(number));
    return Key::decode(changed, "key");
  };
  EXPECT_EQ(with_number(kEpoch, Key::kMaxEpochs - 1).value().epoch(), Key::kMaxEpochs - 1);
  tensor::expect_error(with_number(kEpoch, Key::kMaxEpochs), ErrorCode::kOutOfRange, "epoch");
  for (const std::uint32_t vectors : {0U, Key::kMaxVectors + 1})
    tensor::expect_error(with_number(kVectors, vectors), ErrorCode::kOutOfRange, "vectors");
  tensor::expect_error(with_number(kVectors, Key::kMaxVectors), ErrorCode::kMalformed,
                       "the file ends before it");
  // The last layer is that of the logits: scales of its outputs, a vector times its inputs, and one number.
  const std::size_t scales = bytes.size() - 8 - 8 * Llama::kHidden - 4 * Llama::kVocabulary;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  EXPECT_TRUE(with_number(scales, 2.0F).ok());
  for (const float scale : {0.0F, -1.0F, kInfinity, std::nanf("")})
    tensor::expect_error(with_number(scales, scale), ErrorCode::kOutOfRange, "scale");
  for (const std::size_t at : {scales + 4 * Llama::kVocabulary, bytes.size() - 8})
    tensor::expect_error(with_number(at, double{kInfinity}), ErrorCode::kOutOfRange, "projection");
  const Bytes large(Key::kMaxBytes + 1);
  tensor::expect_error(Key::decode(large, "key"), ErrorCode::kTooLarge, "key: 16777217 bytes");
  tensor::expect_error(Key::decode(ByteSpan(large).first(Key::kMaxBytes), "key"), ErrorCode::kMalformed,
                       "tag");
  options.vectors = Key::kMaxVectors;
  options.epochs = 1;
  EXPECT_EQ(Key::decode(enroll(options).front().encode(), "key").value().vectors(), Key::kMaxVectors);
  options.vectors = 1;
  options.epochs = Key::kMaxEpochs;
  EXPECT_EQ(enroll(options).size(), Key::kMaxEpochs);
}

// A row of zeros has no size, and a folder with values that are none has no key.
TEST_F(KeyTest, IsMadeOfNumbers) {
  Llama model;
  test::Row& weight = model.tensors.at("model.layers.2.self_attn.v_proj.weight");
  std::fill_n(weight.begin(), Llama::kHidden, 0.0F);
  folder_.whole(model.written());
  EXPECT_TRUE(Key::decode(enroll({}).front().encode(), "key").ok());
  weight[5] = std::nanf("");
  folder_.whole(model.written());
  tensor::expect_error(Key::enroll(folder_.open().value(), {}, World::system()), ErrorCode::kOutOfRange,
                       "model.layers.2.self_attn.v_proj.weight");
}

TEST_F(KeyTest, LiesInAFileOfTheVerifierAlone) {
  const Key key = enroll({}).front();
  const std::filesystem::path path = directory_ / "key";
  ASSERT_TRUE(key.write(path).ok());
  EXPECT_EQ(std::filesystem::status(path).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ(key.write(path).error().code, ErrorCode::kMismatch) << "replaces no key";
  EXPECT_EQ(Key::read(path).value().encode(), key.encode());
  std::filesystem::permissions(path, std::filesystem::perms::others_read, std::filesystem::perm_options::add);
  EXPECT_THAT(Key::read(path).error().to_string(), HasSubstr("chmod 600"));
}

TEST_F(KeyTest, IsNotReadOnceItsEpochEnded) {
  const std::filesystem::path path = directory_ / "key";
  ASSERT_TRUE(enroll({}).front().write(path).ok());
  ASSERT_TRUE(Key::end_epoch(path).ok());
  EXPECT_THAT(Key::read(path).error().to_string(), HasSubstr("epoch ended"));
}

TEST_F(KeyTest, RefusesOptionsThatMakeNoKey) {
  const auto refused = [&](const Key::Options& options) {
    return Key::enroll(folder_.open().value(), options, World::system()).error();
  };
  EXPECT_EQ(refused({RowDtype::kBF16, 0, 1, {}}).code, ErrorCode::kOutOfRange);
  EXPECT_EQ(refused({RowDtype::kBF16, 65, 1, {}}).code, ErrorCode::kOutOfRange);
  EXPECT_EQ(refused({RowDtype::kBF16, 8, 0, {}}).code, ErrorCode::kOutOfRange);
  EXPECT_EQ(refused({RowDtype::kBF16, 8, 65, {}}).code, ErrorCode::kOutOfRange);
}

TEST_F(KeyTest, SaysHowManyVectorsFit) {
  const weights::ModelFolder wide(R"({"model_type":"other"})");
  wide.whole({{"model.embed_tokens.weight", {4, 200'000}},
              {"model.layers.0.self_attn.q_proj.weight", {4, 200'000}}});
  const Error refused =
      Key::enroll(wide.open().value(), {RowDtype::kBF16, 16, 1, {}}, World::system()).error();
  EXPECT_EQ(refused.code, ErrorCode::kTooLarge);
  EXPECT_THAT(refused.reason, HasSubstr("5 vectors fit"));
  const weights::ModelFolder wider(R"({"model_type":"other"})");
  wider.whole({{"model.embed_tokens.weight", {1, 1'100'000}},
               {"model.layers.0.self_attn.q_proj.weight", {1, 1'100'000}}});
  EXPECT_THAT(Key::enroll(wider.open().value(), {}, World::system()).error().reason,
              HasSubstr("0 vectors fit"));
  const weights::ModelFolder widest(R"({"model_type":"other"})");
  widest.whole({{"model.embed_tokens.weight", {Key::kMaxBytes / sizeof(float), 1}},
                {"model.layers.0.self_attn.q_proj.weight", {1, 1}}});
  EXPECT_THAT(Key::enroll(widest.open().value(), {}, World::system()).error().reason,
              HasSubstr("0 vectors fit"))
      << "nor would a key without any";
}

TEST_F(KeyTest, IsAsLargeAsItMayBeAndNoLarger) {
  constexpr std::size_t kVectors = 4;
  const auto refused = [](std::uint64_t inputs, std::size_t length, std::uint32_t vectors) {
    const weights::ModelFolder files(R"({"model_type":"other"})");
    const Bytes zeros(2 * inputs);
    files.whole({{"model.embed_tokens.weight", {1, inputs}, "BF16", zeros},
                 {"model.layers.0.self_attn.q_proj.weight", {1, inputs}, "BF16", zeros},
                 {"model.layers.0.mlp." + std::string(length, 'x') + ".weight", {1, 1}}});
    const auto keys = Key::enroll(files.open().value(), {RowDtype::kBF16, vectors, 1, {}}, World::system());
    return keys.ok() ? std::string() : keys.error().reason;
  };
  // Each vector takes 8 bytes for each input of the two layers and 8 for its bias, and each character of the
  // name of a layer that is left out takes one.
  constexpr std::size_t kMany = Key::kMaxBytes / 16;
  const std::string said = refused(kMany, 1, 1);
  ASSERT_THAT(said, testing::StartsWith("a key with 1 vectors has "));
  const std::size_t others = std::stoull(said.substr(said.find("has ") + 4)) - 16 * (kMany + 1);
  const std::size_t room = Key::kMaxBytes - others;
  const std::size_t inputs = room / (16 * kVectors) - 1;
  const std::size_t length = 1 + room % (16 * kVectors);
  EXPECT_EQ(refused(inputs, length, kVectors), "");
  EXPECT_THAT(refused(inputs, length, kVectors + 1), testing::EndsWith(": 4 vectors fit"));
  EXPECT_EQ(refused(inputs, length + 1, kVectors),
            "a key with 4 vectors has 16777217 bytes, at most 16777216 are kept: 3 vectors fit");
}

TEST_F(KeyTest, CountsARowThatComesAgainOnce) {
  const Llama model;
  test::Runner runner(model);
  runner.feed(7, 0);
  const auto doubles = [&](const Wire& wire) {
    return std::vector<double>(runner.rows.at(wire).begin(), runner.rows.at(wire).end());
  };
  Key::Options options;
  options.epochs = 40;
  for (const Key& key : enroll(options)) {
    const KeyContents& contents = *key.shared_contents();
    std::vector<internal::Product> products;
    for (std::uint32_t op = 0; op < contents.layers.size(); ++op) {
      const Op& layer = contents.facts.table.ops[op];
      for (std::uint64_t i = 0; i < 50; ++i)
        products.push_back({op, i, i, {doubles(layer.input)}, doubles(layer.output), false});
    }
    // Fifty times one residual is no residual of fifty rows.
    EXPECT_FALSE(internal::check_by_key(contents, products, Tolerance::of(RowDtype::kBF16)).failure);
  }
}

// The tail of the chi-square distribution of even degrees is a Poisson sum (DLMF 8.4.10).
TEST(ChiSquare, HasTheTailOfItsClosedForm) {
  for (const int degrees : {2, 8, 64, 1000}) {
    for (const double ratio : {0.3, 0.9, 1.0, 1.1, 2.0, 3.0}) {
      const double x = ratio * degrees;
      double log_sum = -INFINITY;
      double log_term = -x / 2;
      for (int i = 0; i < degrees / 2; ++i) {
        if (i > 0) log_term += std::log(x / 2 / i);
        const double larger = std::max(log_sum, log_term);
        log_sum = larger + std::log(std::exp(log_sum - larger) + std::exp(log_term - larger));
      }
      EXPECT_NEAR(internal::log_chi_square_tail(x, degrees), log_sum, 1e-9 * (1 + std::abs(log_sum)))
          << degrees << " " << x;
    }
  }
  EXPECT_EQ(internal::log_chi_square_tail(0, 3), 0);
  EXPECT_NEAR(std::exp(internal::log_chi_square_tail(3.841458820694124, 1)), 0.05, 1e-12);
}

}  // namespace
}  // namespace assay::audit
