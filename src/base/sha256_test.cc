#include "base/sha256.h"

#include <gtest/gtest.h>
#include <sodium.h>

#include <cstdlib>
#include <random>

namespace assay {
namespace {

Bytes noise(std::size_t size) {
  std::mt19937_64 engine(size);
  Bytes bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(engine());
  return bytes;
}

Digest oracle(ByteSpan bytes) {
  Digest digest;
  crypto_hash_sha256(digest.data(), bytes.data(), bytes.size());
  return digest;
}

// Runs over every kernel that this processor has.
class Sha256Kernel : public testing::TestWithParam<std::string_view> {
 protected:
  void SetUp() override {
    before_ = sha256_kernel();
    force_sha256_kernel(GetParam());
  }
  void TearDown() override { force_sha256_kernel(before_); }

 private:
  std::string_view before_;
};

std::string hex_of(std::string_view text) { return to_hex(Sha256().update(text).digest()); }

// FIPS 180-4's examples, as published by NIST with the standard.
TEST_P(Sha256Kernel, StandardExamples) {
  EXPECT_EQ(sha256_kernel(), GetParam());
  EXPECT_EQ(hex_of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(
      hex_of(
          "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrs"
          "mnopqrstnopqrstu"),
      "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
  EXPECT_EQ(to_hex(sha256(Bytes(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_P(Sha256Kernel, EveryLengthAgreesWithLibsodium) {
  const Bytes bytes = noise(300);
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    const ByteSpan part(bytes.data(), size);
    EXPECT_EQ(sha256(part), oracle(part)) << size;
  }
}

TEST_P(Sha256Kernel, EveryAlignmentAgreesWithLibsodium) {
  const Bytes bytes = noise(1000);
  for (std::size_t start = 0; start < 70; ++start) {
    const ByteSpan part = ByteSpan(bytes).subspan(start);
    EXPECT_EQ(sha256(part), oracle(part)) << start;
  }
}

TEST_P(Sha256Kernel, HoweverTheInputIsSplit) {
  std::mt19937 engine(1);
  for (int round = 0; round < 200; ++round) {
    const Bytes bytes = noise(engine() % 1000);
    Sha256 hash;
    ByteSpan rest(bytes);
    while (!rest.empty()) {
      const std::size_t taken = std::min<std::size_t>(rest.size(), engine() % 150);
      hash.update(rest.first(taken));
      rest = rest.subspan(taken);
    }
    EXPECT_EQ(hash.digest(), oracle(bytes)) << round;
  }
}

TEST_P(Sha256Kernel, MayGoOnAfterADigest) {
  Sha256 hash;
  hash.update("ab");
  EXPECT_EQ(to_hex(hash.digest()), hex_of("ab"));
  EXPECT_EQ(to_hex(hash.digest()), hex_of("ab"));
  EXPECT_EQ(to_hex(hash.update("c").digest()), hex_of("abc"));
}

INSTANTIATE_TEST_SUITE_P(Kernels, Sha256Kernel, testing::ValuesIn(sha256_kernels()), [](const auto& tested) {
  std::string name(tested.param);
  std::erase(name, '-');
  return name;
});

TEST(Sha256, NumbersAreLittleEndian) {
  const Bytes bytes{4, 3, 2, 1, 8, 7, 6, 5, 4, 3, 2, 1};
  EXPECT_EQ(Sha256().update_u32(0x01020304).update_u64(0x0102030405060708).digest(), oracle(bytes));
}

TEST(Sha256DeathTest, AnUnknownKernelIsABug) { EXPECT_DEATH(force_sha256_kernel("abacus"), "check failed"); }

TEST(Sha256DeathTest, TheEnvironmentMayAskForThePortableKernel) {
  GTEST_FLAG_SET(death_test_style,
                 "threadsafe");  // runs the program anew, with the environment that it has by then
  ::setenv("ASSAY_KERNEL", "portable", 1);
  EXPECT_EXIT(std::exit(sha256_kernel() == "portable" ? 0 : 1), testing::ExitedWithCode(0), "");
  ::setenv("ASSAY_KERNEL", "adx", 1);
  EXPECT_EXIT(std::exit(sha256_kernel() == sha256_kernels().back() ? 0 : 1), testing::ExitedWithCode(0), "");
  ::unsetenv("ASSAY_KERNEL");
}

}  // namespace
}  // namespace assay
