#include "base/random.h"

#include <sodium.h>
#include <sys/random.h>

#include <cerrno>
#include <system_error>

#include "base/check.h"
#include "base/wipe.h"

namespace assay {

Status fill_random(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const ssize_t filled = ::getrandom(out.data(), out.size(), 0);
    if (filled < 0) {
      if (errno == EINTR) continue;
      return Error{ErrorCode::kIo, "random numbers of the system", std::generic_category().message(errno)};
    }
    out = out.subspan(static_cast<std::size_t>(filled));
  }
  return {};
}

ChaCha20Stream::ChaCha20Stream(const Digest& key) : key_(key) {}

ChaCha20Stream::~ChaCha20Stream() {
  wipe(std::span(key_));
  wipe(std::span(stream_));
}

void ChaCha20Stream::refill() {
  constexpr std::uint32_t kBlocks = sizeof(stream_) / 64;
  // The counter of RFC 8439 has 32 bits: 256 GiB of stream.
  ASSAY_CHECK_LE(block_, UINT32_MAX - kBlocks);
  const std::array<std::uint8_t, crypto_stream_chacha20_ietf_NONCEBYTES> nonce{};
  stream_.fill(0);
  crypto_stream_chacha20_ietf_xor_ic(stream_.data(), stream_.data(), stream_.size(), nonce.data(), block_,
                                     key_.data());
  block_ += kBlocks;
  used_ = 0;
}

std::uint64_t ChaCha20Stream::next_u64() {
  if (used_ == stream_.size()) refill();
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value |= std::uint64_t{stream_[used_++]} << (8 * i);
  return value;
}

std::uint64_t ChaCha20Stream::below(std::uint64_t bound) {
  ASSAY_CHECK_GT(bound, 0);
  // 2^64 mod bound in 64 bits; the draws that are kept are 0 .. 2^64 - 1 - excess.
  const std::uint64_t excess = (0 - bound) % bound;
  std::uint64_t value = next_u64();
  while (value > UINT64_MAX - excess) value = next_u64();
  return value % bound;
}

}  // namespace assay
