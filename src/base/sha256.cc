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

const std::vector<internal::Sha256Kernel>& kernels() {
  static const std::vector<internal::Sha256Kernel> all = internal::sha256_kernels_for(cpu_features());
  return all;
}

std::atomic<const internal::Sha256Kernel*>& chosen_kernel() {
  static std::atomic<const internal::Sha256Kernel*> chosen{
      environment_asks_for_portable() ? &kernels().front() : &kernels().back()};
  return chosen;
}

void compress(std::array<std::uint32_t, 8>& state, const std::uint8_t* blocks, std::size_t count) {
  internal::sha256_kernel_in_use().compress(state.data(), blocks, count);
}

template <class T>
std::array<std::uint8_t, sizeof(T)> little_endian(T value) {
  std::array<std::uint8_t, sizeof(T)> bytes;
  for (std::size_t i = 0; i < sizeof(T); ++i) bytes[i] = static_cast<std::uint8_t>(value >> (8 * i));
  return bytes;
}

}  // namespace

Sha256::Sha256() : state_(internal::kSha256Start) {}

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

std::vector<internal::Sha256Kernel> internal::sha256_kernels_for(
    [[maybe_unused]] const CpuFeatures& features) {
  std::vector<Sha256Kernel> all{{"portable", sha256_compress_portable, {}}};
#if defined(__x86_64__)
  // How few strings are worth the lanes: measured on Zen 4 (32: on Zen 5) with strings of one length.
  const Sha256SideBySide two{2, 2, sha256_lanes_sha_ni};
  if (features.avx2) all.push_back({"avx2", sha256_compress_portable, {{8, 3, sha256_lanes_avx2}}});
  if (features.sha) all.push_back({"sha-ni", sha256_compress_sha_ni, {two}});
  if (features.avx512 && features.sha)
    all.push_back({"avx512",
                   sha256_compress_sha_ni,
                   {{32, 22, sha256_two_groups_avx512}, {16, 12, sha256_lanes_avx512}, two}});
  else if (features.avx512)
    all.push_back({"avx512",
                   sha256_compress_portable,
                   {{32, 22, sha256_two_groups_avx512}, {16, 3, sha256_lanes_avx512}}});
#endif
  return all;
}

const internal::Sha256Kernel& internal::sha256_kernel_in_use() {
  return *chosen_kernel().load(std::memory_order_relaxed);
}

std::vector<std::string_view> sha256_kernels() {
  std::vector<std::string_view> names;
  for (const internal::Sha256Kernel& kernel : kernels()) names.push_back(kernel.name);
  return names;
}

std::string_view sha256_kernel() { return internal::sha256_kernel_in_use().name; }

void force_sha256_kernel(std::string_view name) {
  const auto kernel = std::ranges::find(kernels(), name, &internal::Sha256Kernel::name);
  ASSAY_CHECK(kernel != kernels().end(), name);
  chosen_kernel().store(&*kernel);
}

Digest sha256(ByteSpan bytes) { return Sha256().update(bytes).digest(); }

}  // namespace assay
