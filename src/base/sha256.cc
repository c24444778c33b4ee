#include "base/sha256.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>

#include "base/check.h"
#include "base/cpu.h"
#include "base/sha256_kernels.h"

namespace assay {
namespace {

struct Kernel {
  std::string_view name;
  internal::Sha256Compress compress;
};

constexpr Kernel kPortable{"portable", internal::sha256_compress_portable};
constexpr Kernel kShaNi{"sha-ni", internal::sha256_compress_sha_ni};

const Kernel* default_kernel() {
  return !environment_asks_for_portable() && cpu_features().sha ? &kShaNi : &kPortable;
}

std::atomic<const Kernel*>& chosen_kernel() {
  static std::atomic<const Kernel*> chosen{default_kernel()};
  return chosen;
}

void compress(std::array<std::uint32_t, 8>& state, const std::uint8_t* blocks, std::size_t count) {
  chosen_kernel().load(std::memory_order_relaxed)->compress(state.data(), blocks, count);
}

template <class T>
std::array<std::uint8_t, sizeof(T)> little_endian(T value) {
  std::array<std::uint8_t, sizeof(T)> bytes;
  for (std::size_t i = 0; i < sizeof(T); ++i) bytes[i] = static_cast<std::uint8_t>(value >> (8 * i));
  return bytes;
}

}  // namespace

// FIPS 180-4, section 5.3.3.
Sha256::Sha256()
    : state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19} {
}

Sha256& Sha256::update(ByteSpan bytes) {
  if (bytes.empty()) return *this;
  const std::size_t held = length_ % 64;
  length_ += bytes.size();
  if (held > 0) {
    const std::size_t taken = std::min(bytes.size(), 64 - held);
    std::memcpy(pending_.data() + held, bytes.data(), taken);
    if (held + taken < 64) return *this;
    compress(state_, pending_.data(), 1);
    bytes = bytes.subspan(taken);
  }
  const std::size_t blocks = bytes.size() / 64;
  if (blocks > 0) compress(state_, bytes.data(), blocks);
  bytes = bytes.subspan(64 * blocks);
  std::copy(bytes.begin(), bytes.end(), pending_.begin());
  return *this;
}

Sha256& Sha256::update(std::string_view text) {
  return update(ByteSpan(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
}

Sha256& Sha256::update_u32(std::uint32_t value) { return update(little_endian(value)); }
Sha256& Sha256::update_u64(std::uint64_t value) { return update(little_endian(value)); }

Digest Sha256::digest() const {
  std::array<std::uint32_t, 8> state = state_;
  std::array<std::uint8_t, 128> tail{};
  const std::size_t held = length_ % 64;
  std::copy_n(pending_.begin(), held, tail.begin());
  tail[held] = 0x80;
  const std::size_t end = held < 56 ? 64 : 128;
  const std::uint64_t bits = 8 * length_;
  for (std::size_t i = 0; i < 8; ++i) tail[end - 1 - i] = static_cast<std::uint8_t>(bits >> (8 * i));
  compress(state, tail.data(), end / 64);
  Digest digest;
  for (std::size_t i = 0; i < 32; ++i)
    digest[i] = static_cast<std::uint8_t>(state[i / 4] >> (24 - 8 * (i % 4)));
  return digest;
}

std::vector<std::string_view> sha256_kernels() {
  std::vector<std::string_view> names{kPortable.name};
  if (cpu_features().sha) names.push_back(kShaNi.name);
  return names;
}

std::string_view sha256_kernel() { return chosen_kernel().load()->name; }

void force_sha256_kernel(std::string_view name) {
  const std::vector<std::string_view> names = sha256_kernels();
  ASSAY_CHECK(std::find(names.begin(), names.end(), name) != names.end(), name);
  chosen_kernel().store(name == kPortable.name ? &kPortable : &kShaNi);
}

Digest sha256(ByteSpan bytes) { return Sha256().update(bytes).digest(); }

}  // namespace assay
