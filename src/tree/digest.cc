#include "tree/digest.h"

#include <type_traits>

#include "base/sha256.h"
#include "base/threads.h"
#include "field/hash_to_field.h"

namespace assay::tree::internal {
namespace {

constexpr std::string_view kDomainTag = "assay/tree/domain/v1";
constexpr std::string_view kDigestTag = "assay/tree/digest/v1";

}  // namespace

Digests::Digests(const Config& config) {
  Sha256 hash;
  hash.update(kDomainTag);
  hash.update(
      Bytes{static_cast<std::uint8_t>(config.kind), static_cast<std::uint8_t>(config.arities.size())});
  for (const std::uint32_t arity : config.arities) hash.update_u32(arity);
  domain_ = hash.update(config.srs_digest).digest();
}

Bytes Digests::tag(unsigned height) const {
  Bytes out(kDigestTag.begin(), kDigestTag.end());
  out.insert(out.end(), domain_.begin(), domain_.end());
  out.push_back(static_cast<std::uint8_t>(height));
  return out;
}

Fr Digests::of(unsigned height, ByteSpan message) const { return hash_to_field(message, tag(height)); }

void Digests::of_commitments(unsigned height, ByteSpan commitments, std::span<Fr> out) const {
  hash_rows_to_field(commitments, 32, tag(height), out);
}

std::vector<Scalar> child_values(const Digests& digests, const Leaves& leaves) {
  std::vector<Scalar> out(leaves.size());
  leaves.visit([&](const auto& values) {
    using T = std::remove_cvref_t<decltype(values[0])>;
    parallel_for(0, out.size(), 256, [&](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i) {
        if constexpr (std::is_same_v<T, std::uint64_t>)
          out[i] = Scalar::from_u64(values[i]);
        else if constexpr (std::is_same_v<T, std::int64_t>)
          out[i] = Scalar::from_i64(values[i]);
        else if constexpr (std::is_same_v<T, Scalar>)
          out[i] = values[i];
        else
          out[i] = digests.of(0, values[i]).to_scalar();
      }
    });
  });
  return out;
}

}  // namespace assay::tree::internal
