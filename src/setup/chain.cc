#include "setup/chain.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/random.h"
#include "base/sha256.h"
#include "base/threads.h"
#include "base/transcript.h"
#include "base/wipe.h"
#include "base/wire.h"
#include "setup/transcript_file.h"

namespace assay::setup::internal {
namespace {

Bytes encoded(std::span<const G2Affine> points) {
  WireWriter writer;
  for (const G2Affine& point : points) writer.raw(curve::encode(point));
  return writer.take();
}

Fr draw_field(ChaCha20Stream& stream) {
  std::array<std::uint8_t, 64> bytes;
  for (std::size_t i = 0; i < bytes.size(); i += 8) {
    const std::uint64_t word = stream.next_u64();
    for (std::size_t k = 0; k < 8; ++k) bytes[i + k] = static_cast<std::uint8_t>(word >> (8 * k));
  }
  const Fr value = Fr::from_bytes_reduced(bytes);
  wipe(std::span(bytes));
  return value;
}

}  // namespace

Digest first_digest(const Axes& axes, const Digest& nonce) {
  return Sha256().update("assay/ceremony/start/v1").update(encode_head(axes, nonce)).digest();
}

Digest next_digest(const Digest& before, const Contribution& contribution) {
  return Sha256()
      .update("assay/ceremony/next/v1")
      .update(before)
      .update(encode_contribution(contribution))
      .digest();
}

std::vector<Fr> challenges(const Place& place, const Contribution& contribution) {
  Transcript transcript("assay/ceremony/contribution/v1");
  WireWriter sizes;
  for (const std::uint32_t size : place.axes.sizes()) sizes.u32(size);
  transcript.absorb("axes", sizes.bytes());
  transcript.absorb_u64("number", place.number);
  transcript.absorb("digest before", place.before);
  const std::string& name = contribution.name;
  transcript.absorb("name", {reinterpret_cast<const std::uint8_t*>(name.data()), name.size()});
  transcript.absorb("points", encoded(contribution.secrets));
  transcript.absorb("commitments", encoded(contribution.commitments));
  std::vector<Fr> out;
  for (std::size_t i = 0; i < place.axes.count(); ++i) {
    std::array<std::uint8_t, 64> bytes;
    transcript.draw("challenge", bytes);
    out.push_back(Fr::from_bytes_reduced(bytes));
  }
  return out;
}

std::vector<Fr> secrets_of_beacon(const Place& place, std::string_view name, const Beacon& beacon) {
  constexpr std::uint64_t kStep = std::uint64_t{1} << 16;
  Digest digest = Sha256()
                      .update("assay/ceremony/beacon/v1")
                      .update(place.before)
                      .update_u64(name.size())
                      .update(name)
                      .update_u32(beacon.log2_iterations)
                      .update(beacon.value)
                      .digest();
  const std::uint64_t iterations = std::uint64_t{1} << beacon.log2_iterations;
  Progress progress("hash the beacon", iterations);
  for (std::uint64_t done = 0; done < iterations;) {
    const std::uint64_t end = std::min(iterations, done + kStep);
    const std::uint64_t steps = end - done;
    for (; done < end; ++done) digest = sha256(digest);
    progress.advance(steps);
  }
  return draw_factors(digest, place.axes.count());
}

std::vector<Fr> draw_factors(const Digest& key, std::size_t count) {
  ChaCha20Stream stream(key);
  std::vector<Fr> out;
  out.reserve(count);
  while (out.size() < count) {
    const Fr value = draw_field(stream);
    if (value != Fr::zero() && value != Fr::one()) out.push_back(value);
  }
  return out;
}

Status check_beacon_form(const Beacon& beacon, std::string_view place) {
  if (beacon.value.empty() || beacon.value.size() > Beacon::kMaxBytes)
    return Error{
        ErrorCode::kOutOfRange, std::string(place),
        fmt::format("a beacon's value has 1 to {} bytes, not {}", Beacon::kMaxBytes, beacon.value.size())};
  if (beacon.log2_iterations < Beacon::kLeastLog2 || beacon.log2_iterations > Beacon::kMostLog2)
    return Error{ErrorCode::kOutOfRange, std::string(place),
                 fmt::format("2^{} hashes are not 2^{} to 2^{}", beacon.log2_iterations, Beacon::kLeastLog2,
                             Beacon::kMostLog2)};
  return {};
}

}  // namespace assay::setup::internal
