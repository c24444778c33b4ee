// Published trees and proofs.
#include <gtest/gtest.h>

#include <algorithm>

#include "assay/merkle.h"
#include "base/file.h"
#include "base/json.h"
#include "base/wire.h"

namespace assay::merkle {
namespace {

Json vectors(const std::string& name) {
  const Bytes bytes = read_file(std::string(ASSAY_VECTORS "/merkle/") + name, 1 << 20).value();
  return parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, name).value();
}

Bytes bytes_of(const Json& hex) { return from_hex(hex.get<std::string>(), "vector").value(); }

Digest digest_of(const Json& hex) {
  Digest digest{};
  const Bytes bytes = bytes_of(hex);
  EXPECT_EQ(bytes.size(), digest.size());
  std::copy(bytes.begin(), bytes.end(), digest.begin());
  return digest;
}

std::vector<Digest> digests_of(const Json& list) {
  std::vector<Digest> digests;
  for (const Json& item : list) digests.push_back(digest_of(item));
  return digests;
}

class CertificateTransparency : public testing::Test {
 protected:
  Tree tree(std::size_t count) const {
    std::vector<Bytes> values;
    for (std::size_t i = 0; i < count; ++i) values.push_back(bytes_of(vectors_["leaves"][i]));
    const std::vector<ByteSpan> spans(values.begin(), values.end());
    return Tree::from_leaves(2, spans).value();
  }
  Digest root(std::size_t count) const { return digest_of(vectors_["roots"][count - 1]); }

  const Json vectors_ = vectors("certificate_transparency.json");
};

TEST_F(CertificateTransparency, Hashes) {
  const std::string_view leaf = "L123456";
  EXPECT_EQ(to_hex(leaf_hash({reinterpret_cast<const std::uint8_t*>(leaf.data()), leaf.size()})),
            "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56");
  EXPECT_EQ(to_hex(empty_root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST_F(CertificateTransparency, Roots) {
  ASSERT_EQ(vectors_["roots"].size(), 8u);
  for (std::size_t count = 1; count <= 8; ++count) EXPECT_EQ(tree(count).root(), root(count)) << count;
}

TEST_F(CertificateTransparency, Inclusion) {
  for (const Json& vector : vectors_["inclusion"]) {
    const std::uint64_t count = vector["leaf_count"];
    const std::uint64_t index = vector["index"];
    const InclusionProof proof{digests_of(vector["proof"])};
    EXPECT_EQ(tree(count).prove(index).value(), proof);
    EXPECT_TRUE(verify_inclusion(root(count), 2, count, index, digest_of(vector["leaf_hash"]), proof).ok());
  }
}

TEST_F(CertificateTransparency, Consistency) {
  for (const Json& vector : vectors_["consistency"]) {
    const std::uint64_t before = vector["old_count"];
    const std::uint64_t after = vector["new_count"];
    const ConsistencyProof proof{digests_of(vector["proof"])};
    EXPECT_EQ(tree(after).prove_consistency(before).value(), proof);
    EXPECT_TRUE(verify_consistency(root(before), before, root(after), after, proof).ok());
  }
}

TEST(WideTrees, Roots) {
  const Json wide = vectors("wide.json");
  for (const Json& vector : wide["roots"]) {
    const std::uint32_t arity = vector["arity"];
    const std::uint64_t count = vector["leaf_count"];
    WireWriter values;
    RootBuilder builder = RootBuilder::create(arity).value();
    for (std::uint64_t i = 0; i < count; ++i) {
      values.u64(i);
      builder.add_leaf(WireWriter().u64(i).take());
    }
    EXPECT_EQ(Tree::from_chunks(arity, values.bytes(), 8).value().root(), digest_of(vector["root"]));
    EXPECT_EQ(builder.root(), digest_of(vector["root"]));
  }
  RootBuilder letters = RootBuilder::create(3).value();
  for (const Json& letter : wide["letters"]["leaves"])
    letters.add_leaf(WireWriter().raw(letter.get<std::string>()).take());
  EXPECT_EQ(letters.root(), digest_of(wide["letters"]["root"]));
}

}  // namespace
}  // namespace assay::merkle
