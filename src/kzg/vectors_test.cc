// vectors/kzg/openings.json: keys, commitments and proofs by py_ecc.
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json.h"
#include "kzg/test_support.h"

namespace assay::kzg {
namespace {

Fr element(const Json& number) {
  return Fr::from_scalar(Scalar::from_decimal(number.get<std::string>(), "vector").value());
}

class KzgVectors : public ::testing::TestWithParam<std::string_view> {
 protected:
  void SetUp() override { ASSERT_TRUE(force_kernel(GetParam()).ok()); }
  void TearDown() override { ASSERT_TRUE(force_kernel(before_).ok()); }
  std::string_view before_ = active_kernel();
};

TEST_P(KzgVectors, KeysCommitmentsAndProofs) {
  const Bytes file = read_file(ASSAY_VECTORS "/kzg/openings.json", 1 << 20).value();
  const Json json =
      parse_json({reinterpret_cast<const char*>(file.data()), file.size()}, "openings.json").value();
  for (const Json& entry : json["cases"]) {
    SCOPED_TRACE(entry["name"].get<std::string>());
    const auto log_size = entry["log_size"].get<unsigned>();
    const Srs srs = Srs::from_secret(log_size, element(entry["secret"])).value();
    if (!entry["seed"].is_null()) {
      EXPECT_EQ(Srs::dev(log_size, entry["seed"].get<std::uint64_t>())->verifier_key(), srs.verifier_key());
    }
    EXPECT_EQ(to_hex(srs.verifier_key().encode()), entry["verifier_key"].get<std::string>());
    EXPECT_EQ(to_hex(srs.verifier_key().digest()), entry["srs_digest"].get<std::string>());

    std::vector<std::vector<Scalar>> data;
    for (const Json& values : entry["vectors"]) {
      data.emplace_back();
      for (const Json& value : values)
        data.back().push_back(Scalar::from_decimal(value.get<std::string>(), "vector").value());
    }
    std::vector<Vector> vectors;
    for (std::size_t v = 0; v < data.size(); ++v) {
      Digest name;
      const Bytes bytes = from_hex(entry["many"]["names"][v].get<std::string>(), "vector").value();
      std::copy(bytes.begin(), bytes.end(), name.begin());
      vectors.push_back({name, commit(srs, data[v]).value(), data[v]});
      EXPECT_EQ(to_hex(curve::encode(vectors[v].commitment)), entry["commitments"][v].get<std::string>());
    }

    const Verifier verifier(srs.verifier_key());
    for (const Json& expected : entry["openings"]) {
      const Fr point = element(expected["point"]);
      const Opening opening = open_at(srs, data[0], point).value();
      EXPECT_EQ(opening.value, element(expected["value"]));
      EXPECT_EQ(to_hex(curve::encode(opening.quotient)), expected["quotient"].get<std::string>());
      EXPECT_TRUE(verifier.check({vectors[0].commitment, point, opening}).ok());
    }
    for (const Json& expected : entry["blocks"]) {
      const G1Affine quotient = open_block(srs, data[0], expected["log_block"].get<unsigned>(),
                                           expected["block"].get<std::uint64_t>())
                                    .value();
      EXPECT_EQ(to_hex(curve::encode(quotient)), expected["quotient"].get<std::string>());
    }
    std::vector<Question> questions;
    std::vector<Claim> claims;
    for (const Json& question : entry["many"]["questions"]) {
      questions.push_back({question[0].get<std::size_t>(), element(question[1])});
      const Vector& vector = vectors[questions.back().vector];
      claims.push_back({vector.name, vector.commitment, questions.back().point,
                        element(entry["many"]["values"][claims.size()])});
    }
    const ManyOpening many = open_many(srs, vectors, questions).value();
    for (std::size_t i = 0; i < claims.size(); ++i) EXPECT_EQ(many.values[i], claims[i].value);
    EXPECT_EQ(to_hex(many.proof.encode()), entry["many"]["proof"].get<std::string>());
    EXPECT_TRUE(verifier.check_many(claims, many.proof).ok());
  }
}

// f = 1 + 2X + 3X^2 at tau = 0x1234567890abcdef and z = 7: published with a polynomial commitment of another
// project, whose secret is public.
TEST_P(KzgVectors, AToyOfAnotherProject) {
  const Srs srs = Srs::from_secret(2, Fr::from_u64(0x1234567890abcdef)).value();
  std::vector<Fr> values = {Fr::from_u64(1), Fr::from_u64(2), Fr::from_u64(3), Fr::zero()};
  RootDomain(2).evaluate(values);
  std::vector<Scalar> scalars;
  for (const Fr& value : values) scalars.push_back(value.to_scalar());
  const G1Affine commitment = commit(srs, scalars).value();
  EXPECT_EQ(to_hex(curve::encode(commitment)),
            "cc1de79a1c6199dd91a3ccd5987af2d288fbe08e66e184c817ab9e5e6657bc03");
  const Opening opening = open_at(srs, scalars, Fr::from_u64(7)).value();
  EXPECT_EQ(opening.value, Fr::from_u64(162));
  EXPECT_EQ(to_hex(curve::encode(opening.quotient)),
            "b5c3fae9bd6cb97cc6aec2f2f9ffde62c74e1e05f3c64802d8b9702179b13b24");
}

INSTANTIATE_TEST_SUITE_P(Kernels, KzgVectors, ::testing::ValuesIn(available_kernels()),
                         [](const auto& kernel) { return std::string(kernel.param); });

}  // namespace
}  // namespace assay::kzg
