#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>

#include "base/check.h"
#include "base/sha256.h"
#include "base/threads.h"
#include "base/try.h"
#include "base/wire.h"
#include "kzg/srs_state.h"

namespace assay::kzg {
namespace internal {

std::vector<Digest> digests_of(std::span<const G1Affine> points) {
  const std::size_t chunk = std::min<std::size_t>(points.size(), Srs::kChunk);
  ASSAY_CHECK(chunk > 0 && points.size() % chunk == 0, points.size());
  std::vector<Digest> out(points.size() / chunk);
  parallel_for(0, out.size(), 16, [&](std::size_t first, std::size_t last) {
    sha256_rows({}, raw_bytes(points.subspan(first * chunk, (last - first) * chunk)),
                chunk * sizeof(G1Affine), std::span(out).subspan(first, last - first));
  });
  return out;
}

Digest basis_digest(std::span<const Digest> chunk_digests) {
  Sha256 hash;
  hash.update("assay/kzg/chunks/v1");
  for (const Digest& digest : chunk_digests) hash.update(digest);
  return hash.digest();
}

Status check_log_size(unsigned log_size) {
  if (log_size >= 1 && log_size <= kMaxLogSize) return {};
  return Error{ErrorCode::kOutOfRange, "log size",
               fmt::format("2^{} values, not 2^1 to 2^{}", log_size, kMaxLogSize)};
}

Fr dev_secret(std::uint64_t seed) {
  WireWriter message;
  message.raw("assay/srs/kzg/dev/v1").u64(seed);
  std::array<std::uint8_t, crypto_hash_sha512_BYTES> hash;
  crypto_hash_sha512(hash.data(), message.bytes().data(), message.bytes().size());
  return Fr::from_bytes_reduced(hash);
}

std::vector<Fr> lagrange_at(const RootDomain& domain, const Fr& tau) {
  Fr power = tau;
  for (unsigned j = 0; j < domain.log_size(); ++j) power *= power;
  std::vector<Fr> out(domain.size());
  if (power == Fr::one()) {  // tau is a node
    for (std::size_t i = 0; i < out.size(); ++i)
      if (domain.node(i) == tau) out[i] = Fr::one();
    return out;
  }
  // L_i(tau) = x_i (tau^n - 1) / (n (tau - x_i))
  const Fr factor = (power - Fr::one()) * Fr::from_u64(domain.size()).inverse();
  parallel_for(0, out.size(), 1024, [&](std::size_t first, std::size_t last) {
    const std::span<Fr> part = std::span(out).subspan(first, last - first);
    for (std::size_t i = first; i < last; ++i) out[i] = tau - domain.node(i);
    batch_inverse(part);
    for (std::size_t i = first; i < last; ++i) out[i] *= factor * domain.node(i);
  });
  return out;
}

}  // namespace internal

Srs SrsAccess::from_file(VerifierKey key, MappedFile file, std::span<const G1Affine> basis,
                         std::vector<Digest> chunk_digests) {
  ASSAY_CHECK_EQ(basis.size(), key.size());
  return Srs(std::make_shared<const Srs::State>(
      Srs::State{std::move(key), std::move(file), {}, basis, std::move(chunk_digests)}));
}

Srs SrsAccess::from_points(VerifierKey key, LargeArray<G1Affine> points, std::vector<Digest> chunk_digests) {
  ASSAY_CHECK_EQ(points.size(), key.size());
  Srs::State state{std::move(key), std::nullopt, std::move(points), {}, std::move(chunk_digests)};
  state.basis = std::as_const(state.storage).span();
  return Srs(std::make_shared<const Srs::State>(std::move(state)));
}

Result<Srs> Srs::dev(unsigned log_size, std::uint64_t seed) {
  return from_secret(log_size, internal::dev_secret(seed));
}

Result<Srs> Srs::from_secret(unsigned log_size, const Fr& tau) {
  ASSAY_TRY(internal::check_log_size(log_size));
  if (log_size > kMaxLogSizeInMemory)
    return Error{ErrorCode::kTooLarge, "log size",
                 fmt::format("{} is more than the {} that is made in memory", log_size, kMaxLogSizeInMemory)};
  const RootDomain domain(log_size);
  std::optional<LargeArray<G1Affine>> points = LargeArray<G1Affine>::try_make(domain.size());
  if (!points)
    return Error{ErrorCode::kTooLarge, "SRS", fmt::format("2^{} points do not fit the memory", log_size)};
  const std::vector<Fr> scalars = internal::lagrange_at(domain, tau);
  constexpr std::size_t kBlock = std::size_t{1} << 16;
  Progress progress("make SRS", scalars.size());
  for (std::size_t first = 0; first < scalars.size(); first += kBlock) {
    const std::size_t count = std::min(kBlock, scalars.size() - first);
    curve::multiply_generator_vartime(std::span(scalars).subspan(first, count),
                                      points->span().subspan(first, count));
    progress.advance(count);
  }
  std::vector<Digest> digests = internal::digests_of(std::as_const(*points).span());
  VerifierKey key{log_size, Origin::kDev, 0, {}, internal::basis_digest(digests)};
  Fr power = tau;
  for (unsigned j = 0; j < log_size; ++j, power *= power)
    key.powers.push_back(curve::multiply_vartime(G2Affine::generator(), power));
  return SrsAccess::from_points(std::move(key), std::move(*points), std::move(digests));
}

const VerifierKey& Srs::verifier_key() const { return state_->key; }
std::span<const G1Affine> Srs::basis() const { return state_->basis; }
std::span<const Digest> Srs::chunk_digests() const { return state_->chunk_digests; }

}  // namespace assay::kzg
