// vectors/pst/openings.json: keys, commitments and proofs by py_ecc.
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json.h"
#include "pst/test_support.h"

namespace assay::pst {
namespace {

std::vector<Fr> field_elements(const Json& numbers) {
  std::vector<Fr> out;
  for (const Json& number : numbers)
    out.push_back(Fr::from_scalar(Scalar::from_decimal(number.get<std::string>(), "vector").value()));
  return out;
}

class Vectors : public ::testing::TestWithParam<std::string_view> {
 protected:
  void SetUp() override { ASSERT_TRUE(force_kernel(GetParam()).ok()); }
  void TearDown() override { ASSERT_TRUE(force_kernel(before_).ok()); }
  std::string_view before_ = active_kernel();
};

TEST_P(Vectors, KeysCommitmentsAndOpenings) {
  const Bytes file = read_file(ASSAY_VECTORS "/pst/openings.json", 1 << 20).value();
  const Json json =
      parse_json({reinterpret_cast<const char*>(file.data()), file.size()}, "openings.json").value();
  std::size_t openings = 0;
  for (const Json& entry : json["cases"]) {
    SCOPED_TRACE(entry["name"].get<std::string>());
    const Axes axes = Axes::from(entry["axes"].get<std::vector<std::uint64_t>>(), "vector").value();
    const std::vector<Fr> secrets = field_elements(entry["secrets"]);
    const Srs srs = Srs::from_secrets(axes, secrets).value();
    if (!entry["seed"].is_null()) {
      EXPECT_EQ(Srs::dev(axes, entry["seed"].get<std::uint64_t>())->verifier_key(), srs.verifier_key());
    }
    EXPECT_EQ(to_hex(srs.verifier_key().encode()), entry["verifier_key"].get<std::string>());
    EXPECT_EQ(to_hex(srs.verifier_key().digest()), entry["srs_digest"].get<std::string>());

    std::vector<Scalar> values;
    for (const Json& value : entry["values"])
      values.push_back(Scalar::from_decimal(value.get<std::string>(), "vector").value());
    const G1Affine commitment = commit(srs, values).value();
    EXPECT_EQ(to_hex(curve::encode(commitment)), entry["commitment"].get<std::string>());
    EXPECT_EQ(commit_coefficients(srs, interpolate(axes, values).value()).value(), commitment);

    const Verifier verifier(srs.verifier_key());
    for (const Json& expected : entry["openings"]) {
      const std::vector<Fr> point = field_elements(expected["point"]);
      const Opening opening = open_at(srs, values, point).value();
      EXPECT_EQ(opening.value.to_scalar().to_decimal(), expected["value"].get<std::string>());
      std::vector<std::string> quotients;
      for (const G1Affine& quotient : opening.quotients) quotients.push_back(to_hex(curve::encode(quotient)));
      EXPECT_EQ(quotients, expected["quotients"].get<std::vector<std::string>>());
      EXPECT_TRUE(verifier.check({commitment, point, opening}).ok());
      ++openings;
    }
  }
  EXPECT_GE(openings, 25u);
}

INSTANTIATE_TEST_SUITE_P(Kernels, Vectors, ::testing::ValuesIn(available_kernels()),
                         [](const auto& kernel) { return std::string(kernel.param); });

}  // namespace
}  // namespace assay::pst
