// The files of vectors/weights, which another program made.
#include "assay/weights_manifest.h"
#include "base/sha256.h"
#include "weights/test_support.h"

namespace assay::weights {
namespace {

std::filesystem::path path_of(const char* name) {
  return std::filesystem::path(ASSAY_VECTORS) / "weights" / name;
}

Bytes bytes_of(const char* name) { return read_file(path_of(name), 1 << 20).value(); }

/// SHA-256 of "name/0", "name/1", ..
Bytes values(std::string_view name, std::size_t size) {
  Bytes bytes;
  for (std::size_t i = 0; bytes.size() < size; ++i) {
    const Digest block = Sha256().update(fmt::format("{}/{}", name, i)).digest();
    bytes.insert(bytes.end(), block.begin(), block.end());
  }
  bytes.resize(size);
  return bytes;
}

class Vectors : public testing::Test {
 protected:
  Vectors() {
    const Bytes embedding = values("embed.weight", 140000);
    model_.whole({{"embed.weight", {70, 1000}, "BF16", embedding},
                  {"layers.0.fc.weight", {3, 5}, "F8_E4M3", values("layers.0.fc.weight", 15)},
                  {"lm_head.weight", {70, 1000}, "BF16", embedding},
                  {"none", {0, 4}, "F32"},
                  {"scale", {}, "F32", values("scale", 4)}});
  }
  static std::string digest(const char* name) {
    return read_json_file(path_of("digests.json"), std::uint64_t{1} << 16, "")
        .value()[name]
        .get<std::string>();
  }

  const ModelFolder model_{R"({"model_type": "sample"})"};
};

TEST_F(Vectors, OfTheManifest) {
  const Manifest manifest = Manifest::of(model_.open().value()).value();
  EXPECT_EQ(manifest.encode(), bytes_of("manifest"));
  EXPECT_EQ(Manifest::read(path_of("manifest")).value(), manifest);
  EXPECT_EQ(to_hex(manifest.root()), digest("root"));
  EXPECT_EQ(to_hex(manifest.digest()), digest("manifest_digest"));
}

TEST_F(Vectors, OfOpenings) {
  const Folder folder = model_.open().value();
  const Manifest manifest = Manifest::of(folder).value();
  const tensor::StoredTensor& embedding = *folder.find("embed.weight");
  EXPECT_EQ(open_row(manifest, embedding, 69).value().encode(), bytes_of("last_row"));
  EXPECT_EQ(to_hex(sha256(open_row(manifest, embedding, 32).value().encode())),
            digest("opening_across_chunks"));
  const RowOpening read = RowOpening::read(path_of("last_row")).value();
  EXPECT_TRUE(verify_row(read, manifest.root(), {"embed.weight", 69}).ok());
  EXPECT_TRUE(std::ranges::equal(read.values(), embedding.bytes.last(2000)));
}

}  // namespace
}  // namespace assay::weights
