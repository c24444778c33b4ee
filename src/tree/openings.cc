#include "tree/openings.h"

#include <bit>
#include <string_view>

#include "base/check.h"
#include "base/sha256.h"

namespace assay::tree::internal {

Digest name_of_claims(const Digest& tree, std::span<const std::uint64_t> indices,
                      std::span<const Scalar> values) {
  constexpr std::string_view kTag = "assay/tree/opened/v1";
  ASSAY_CHECK_EQ(indices.size(), values.size());
  Sha256 hash;
  hash.update(kTag).update(tree).update_u64(indices.size());
  for (std::size_t i = 0; i < indices.size(); ++i) hash.update_u64(indices[i]).update(values[i].to_bytes());
  return hash.digest();
}

RootDomain domain_of(const Config& config) {
  return RootDomain(static_cast<unsigned>(std::countr_zero(config.fan_out())));
}

std::vector<kzg::Claim> claims_of(const Config& config, std::span<const Opened> way,
                                  std::span<const G1Affine> commitments, std::span<const Scalar> values,
                                  const Digest& name) {
  const RootDomain domain = domain_of(config);
  std::vector<kzg::Claim> claims;
  claims.reserve(values.size());
  for (std::size_t k = 0; k < way.size(); ++k)
    for (const std::uint32_t child : way[k].children)
      claims.push_back({name, commitments[k], domain.node(child), Fr::from_scalar(values[claims.size()])});
  return claims;
}

}  // namespace assay::tree::internal
