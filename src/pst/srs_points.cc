#include "pst/srs_points.h"

#include <sodium.h>

#include <algorithm>

#include "base/check.h"
#include "base/try.h"
#include "base/wire.h"
#include "pst/lagrange.h"
#include "setup/grid_products.h"

namespace assay::pst::internal {

Fr dev_secret(std::uint64_t seed, std::size_t axis) {
  WireWriter message;
  message.raw("assay/srs/dev/v1").u64(seed).u32(static_cast<std::uint32_t>(axis));
  std::array<std::uint8_t, crypto_hash_sha512_BYTES> hash;
  crypto_hash_sha512(hash.data(), message.bytes().data(), message.bytes().size());
  return Fr::from_bytes_reduced(hash);
}

std::vector<Fr> dev_secrets(const Axes& axes, std::uint64_t seed) {
  std::vector<Fr> secrets;
  for (std::size_t i = 0; i < axes.count(); ++i) secrets.push_back(dev_secret(seed, i));
  return secrets;
}

std::uint64_t total_points(const Axes& axes) {
  std::uint64_t total = 0;
  for (std::size_t level = 0; level < axes.count(); ++level) total += axes.volume(level);
  return total;
}

LevelMaker::LevelMaker(const Axes& axes, std::span<const Fr> secrets) : axes_(axes) {
  ASSAY_CHECK_EQ(secrets.size(), axes.count());
  for (std::size_t i = 0; i < axes.count(); ++i) lagrange_.push_back(lagrange_at(axes[i], secrets[i]));
}

Status LevelMaker::make(std::size_t level, Progress& progress,
                        const std::function<Status(std::span<const G1Affine>)>& sink) const {
  const setup::internal::GridProducts products(axes_, lagrange_, level);
  const std::uint64_t size = axes_.volume(level);
  const std::size_t block = static_cast<std::size_t>(std::min<std::uint64_t>(size, kBlock));
  std::vector<Fr> scalars(block);
  std::vector<G1Affine> points(block);
  for (std::uint64_t first = 0; first < size; first += block) {
    const std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(block, size - first));
    const std::span<Fr> some_scalars = std::span(scalars).first(count);
    const std::span<G1Affine> some_points = std::span(points).first(count);
    products.fill(first, some_scalars);
    curve::multiply_generator_vartime(some_scalars, some_points);
    ASSAY_TRY(sink(some_points));
    progress.advance(count);
  }
  return {};
}

VerifierKey make_verifier_key(const Axes& axes, std::span<const Fr> secrets,
                              std::vector<Digest> level_digests) {
  VerifierKey key{axes, Trust::kDev, {}, std::move(level_digests)};
  for (const Fr& secret : secrets)
    key.secrets.push_back(curve::multiply_vartime(G2Affine::generator(), secret));
  return key;
}

}  // namespace assay::pst::internal
