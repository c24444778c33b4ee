#include <gtest/gtest.h>
#include <sodium.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "base/sha256.h"
#include "base/sha256_kernels.h"

namespace assay {
namespace {

/// Lengths about which the number of blocks, or the way a block is read, changes for some prefix.
const std::vector<std::size_t> kBorders = {0,  1,  2,  3,  4,  31, 54,  55,  56,  57,  61,  62,  63,
                                           64, 65, 66, 67, 68, 69, 118, 119, 120, 121, 127, 128, 129};

Bytes noise(std::size_t size, std::uint64_t seed) {
  std::mt19937_64 engine(seed);
  Bytes bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(engine());
  return bytes;
}

Digest oracle(ByteSpan prefix, ByteSpan message) {
  crypto_hash_sha256_state state;
  crypto_hash_sha256_init(&state);
  crypto_hash_sha256_update(&state, prefix.data(), prefix.size());
  crypto_hash_sha256_update(&state, message.data(), message.size());
  Digest digest;
  crypto_hash_sha256_final(&state, digest.data());
  return digest;
}

/// Messages of these lengths, each with bytes of its own.
std::vector<Bytes> messages_of(const std::vector<std::size_t>& sizes) {
  std::vector<Bytes> messages;
  for (const std::size_t size : sizes) messages.push_back(noise(size, 1000 * size + messages.size()));
  return messages;
}

void expect_right(ByteSpan prefix, const std::vector<ByteSpan>& messages, const std::string& about) {
  std::vector<Digest> digests(messages.size());
  sha256_many(prefix, messages, digests);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    ASSERT_EQ(to_hex(digests[i]), to_hex(oracle(prefix, messages[i])))
        << about << ": message " << i << " of " << messages.size() << ", " << messages[i].size()
        << " bytes behind " << prefix.size();
  }
}

void expect_right(ByteSpan prefix, const std::vector<std::size_t>& sizes, const std::string& about) {
  const std::vector<Bytes> messages = messages_of(sizes);
  expect_right(prefix, std::vector<ByteSpan>(messages.begin(), messages.end()), about);
}

// Runs over every kernel that this processor has.
class Sha256Many : public testing::TestWithParam<std::string_view> {
 protected:
  void SetUp() override {
    before_ = sha256_kernel();
    force_sha256_kernel(GetParam());
  }
  void TearDown() override { force_sha256_kernel(before_); }

  const std::vector<Bytes> prefixes_ = {{}, {1}, noise(55, 1), noise(63, 2)};

 private:
  std::string_view before_;
};

TEST_P(Sha256Many, EveryLengthInEveryLane) {
  for (const Bytes& prefix : prefixes_)
    for (std::size_t size = 0; size <= 260; ++size)
      expect_right(prefix, std::vector<std::size_t>(32 + 16, size),
                   "equal lengths");  // the ways one after the other
}

TEST_P(Sha256Many, EveryCount) {
  for (const Bytes& prefix : prefixes_)
    for (std::size_t count = 0; count <= 40; ++count)
      expect_right(prefix, std::vector<std::size_t>(count, 64), "counts");
  expect_right(prefixes_[1], std::vector<std::size_t>(1000, 64), "several windows");
}

// Of lengths with as many blocks, which are not put into another order, and of other lengths.
TEST_P(Sha256Many, OneOfAnotherLengthInEveryLane) {
  for (const Bytes& prefix : prefixes_) {
    for (const std::size_t other : kBorders) {
      for (const std::size_t lanes : {16u, 32u}) {
        for (std::size_t lane = 0; lane < lanes; ++lane) {
          for (const std::size_t size : {64u, 66u}) {
            std::vector<std::size_t> sizes(lanes, size);
            sizes[lane] = other;
            expect_right(prefix, sizes, "one of another length");
          }
        }
      }
    }
  }
}

TEST_P(Sha256Many, AllLengthsInOneCall) {
  std::vector<std::size_t> sizes;
  for (std::size_t size = 0; size <= 260; ++size) sizes.push_back(size);
  for (const Bytes& prefix : prefixes_) expect_right(prefix, sizes, "ascending");
  std::ranges::reverse(sizes);
  for (const Bytes& prefix : prefixes_) expect_right(prefix, sizes, "descending");
}

TEST_P(Sha256Many, LengthsAtRandom) {
  std::mt19937 engine(3);
  for (int round = 0; round < 60; ++round) {
    std::vector<std::size_t> sizes(engine() % 300);
    const std::size_t most = std::size_t{1} << engine() % 12;
    for (std::size_t& size : sizes) size = engine() % (most + 1);
    expect_right(prefixes_[engine() % prefixes_.size()], sizes, "round " + std::to_string(round));
  }
}

// A long message among short ones: lanes wait for it without changing what they have.
TEST_P(Sha256Many, LongAmongShort) {
  for (const std::size_t lanes : {16u, 32u}) {
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      std::vector<std::size_t> sizes(lanes, 10);
      sizes[lane] = 5000;
      expect_right(prefixes_[1], sizes, "long among short");
    }
  }
}

// FIPS 180-4's examples, as published by NIST with the standard.
TEST_P(Sha256Many, StandardExamples) {
  const std::vector<std::pair<std::string, std::string>> examples = {
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
      {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrs"
       "mnopqrstnopqrstu",
       "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
      {std::string(1'000'000, 'a'), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"}};
  for (std::size_t split = 0; split < 2; ++split) {  // the first byte as a prefix
    std::vector<ByteSpan> messages;
    std::vector<std::string> expected;
    for (int i = 0; i < 6; ++i) {
      for (const auto& [text, digest] : examples) {
        if (split > 0 && (text.empty() || text.front() != 'a')) continue;
        messages.push_back(
            ByteSpan(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()).subspan(split));
        expected.push_back(digest);
      }
    }
    std::vector<Digest> digests(messages.size());
    const Bytes prefix(split, 'a');
    sha256_many(prefix, messages, digests);
    for (std::size_t i = 0; i < digests.size(); ++i) EXPECT_EQ(to_hex(digests[i]), expected[i]) << i;
  }
}

// Pages of memory between two that cannot be read.
class Fenced {
 public:
  Fenced()
      : start_(static_cast<std::uint8_t*>(
            ::mmap(nullptr, 3 * size(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
    EXPECT_EQ(::mprotect(start_ + size(), size(), PROT_READ | PROT_WRITE), 0);
    const Bytes bytes = noise(size(), 5);
    std::ranges::copy(bytes, start_ + size());
  }
  ~Fenced() { ::munmap(start_, 3 * size()); }
  Fenced(const Fenced&) = delete;
  Fenced& operator=(const Fenced&) = delete;

  static std::size_t size() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }
  [[nodiscard]] ByteSpan bytes() const { return {start_ + size(), size()}; }

 private:
  std::uint8_t* start_;
};

TEST_P(Sha256Many, NothingBesideAMessageIsRead) {
  const Fenced fenced;
  for (const Bytes& prefix : prefixes_) {
    for (std::size_t size = 0; size <= 200; ++size) {
      std::vector<ByteSpan> messages(24, fenced.bytes().first(size));
      messages.resize(32 + 16, fenced.bytes().last(size));
      expect_right(prefix, messages, "at the ends of a page");
    }
  }
}

TEST_P(Sha256Many, RowsAreMessagesOneBehindTheOther) {
  for (const std::size_t size : {0u, 1u, 31u, 32u, 64u, 96u, 512u, 1024u, 1025u}) {
    for (const std::size_t count : {0u, 1u, 2u, 3u, 15u, 16u, 17u, 31u, 40u, 255u, 256u, 257u, 300u}) {
      const Bytes rows = noise(size * count, size + count);
      std::vector<Digest> digests(count);
      sha256_rows(prefixes_[1], rows, size, digests);
      for (std::size_t i = 0; i < count; ++i)
        ASSERT_EQ(digests[i], oracle(prefixes_[1], ByteSpan(rows).subspan(i * size, size)))
            << "row " << i << " of " << count << ", " << size << " bytes";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, Sha256Many, testing::ValuesIn(sha256_kernels()), [](const auto& tested) {
  std::string name(tested.param);
  std::erase(name, '-');
  return name;
});

TEST(Sha256Kernels, RunWhereTheirFeaturesAre) {
  const auto names = [](const CpuFeatures& features) {
    std::string all;
    for (const internal::Sha256Kernel& kernel : internal::sha256_kernels_for(features)) {
      all += kernel.name;
      for (const internal::Sha256SideBySide& way : kernel.many) all += " " + std::to_string(way.lanes);
      all += ";";
    }
    return all;
  };
  EXPECT_EQ(names({}), "portable;");
#if defined(__x86_64__)
  EXPECT_EQ(names({.sha = true}), "portable;sha-ni 2;");
  EXPECT_EQ(names({.avx2 = true}), "portable;avx2 8;");
  EXPECT_EQ(names({.avx2 = true, .avx512 = true}), "portable;avx2 8;avx512 32 16;");
  EXPECT_EQ(names({.sha = true, .avx2 = true, .avx512 = true}), "portable;avx2 8;sha-ni 2;avx512 32 16 2;");
#endif
}

TEST(Sha256ManyDeathTest, CountsAndPrefixesThatDoNotFitAreBugs) {
  const Bytes bytes(128);
  const std::vector<ByteSpan> messages(2, ByteSpan(bytes).first(1));
  std::vector<Digest> digests(2);
  EXPECT_DEATH(sha256_many(ByteSpan(bytes).first(64), messages, digests), "check failed");
  EXPECT_DEATH(sha256_many({}, messages, std::span(digests).first(1)), "check failed");
  EXPECT_DEATH(sha256_rows(ByteSpan(bytes).first(64), bytes, 64, digests), "check failed");
  EXPECT_DEATH(sha256_rows({}, bytes, 63, digests), "check failed");
}

}  // namespace
}  // namespace assay
