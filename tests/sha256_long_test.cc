// Strings of more than 2^32 bits, whose length takes both words at the end of their padding.
#include <gtest/gtest.h>
#include <sodium.h>

#include <vector>

#include "base/sha256.h"

namespace assay {
namespace {

TEST(Sha256Long, LengthsOfMoreThanThirtyTwoBits) {
  const Bytes bytes((std::size_t{1} << 29) + 64, 0x5a);
  for (const std::size_t size : {std::size_t{1} << 29, (std::size_t{1} << 29) + 60}) {
    const ByteSpan whole = ByteSpan(bytes).first(size);
    Digest expected;
    crypto_hash_sha256(expected.data(), whole.data(), whole.size());
    std::vector<ByteSpan> messages(16, ByteSpan(bytes).first(9));
    messages[5] = whole.subspan(1);
    Digest of_short;
    crypto_hash_sha256(of_short.data(), bytes.data(), 10);
    for (const std::string_view kernel : sha256_kernels()) {
      force_sha256_kernel(kernel);
      std::vector<Digest> digests(messages.size());
      sha256_many(whole.first(1), messages, digests);
      for (std::size_t i = 0; i < digests.size(); ++i)
        EXPECT_EQ(digests[i], i == 5 ? expected : of_short) << kernel << " " << i;
    }
  }
}

}  // namespace
}  // namespace assay
