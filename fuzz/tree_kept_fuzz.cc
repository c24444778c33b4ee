// A kept tree's file: header and journal from the input, and a good file with bytes of the input in it, which
// is opened, checked and asked for a proof. Input: one byte of choice, then the bytes; in a file each four of
// them are an offset and what stands there.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "assay/tree_prover.h"
#include "base/check.h"
#include "base/file.h"
#include "tree/kept_file.h"

namespace {

using namespace assay;

const std::filesystem::path& path() {
  static const std::filesystem::path name =
      std::filesystem::temp_directory_path() / ("tree_kept_fuzz." + std::to_string(::getpid()));
  return name;
}

const Bytes& good_file() {
  static const Bytes bytes = [] {
    const tree::Setup setup = tree::Setup::merkle();
    const tree::Config config = setup.config({2}, tree::LeafKind::kU64).value();
    tree::Builder builder = tree::Builder::create(setup, config, path()).value();
    ASSAY_CHECK(builder.add(std::vector<std::uint64_t>(70, 9)).ok());
    static_cast<void>(std::move(builder).finish().value());
    return read_file(path(), std::uint64_t{1} << 20).value();
  }();
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const ByteSpan bytes(data + 1, size - 1);
  if (data[0] % 3 == 0) {
    const Result<tree::Root> root = tree::internal::decode_header(bytes, "fuzz");
    if (root.ok()) ASSAY_CHECK(std::ranges::equal(tree::internal::encode_header(*root), bytes), bytes.size());
    return 0;
  }
  if (data[0] % 3 == 1) {
    const std::optional<tree::internal::Journal> journal = tree::internal::find_journal(bytes);
    if (journal)
      ASSAY_CHECK(std::ranges::equal(journal->encode(), bytes.subspan(journal->end)), bytes.size());
    return 0;
  }
  Bytes file = good_file();
  for (std::size_t i = 0; i + 4 <= bytes.size() && i < 64; i += 4) {
    const std::size_t offset = bytes[i] | std::size_t{bytes[i + 1]} << 8 | std::size_t{bytes[i + 2]} << 16;
    if (offset < file.size())
      file[offset] = bytes[i + 3];
    else
      file.push_back(bytes[i + 3]);
  }
  ASSAY_CHECK(write_file(path(), file).ok());
  const Result<tree::Tree> tree = tree::Tree::open(path());
  if (tree.ok()) {
    static_cast<void>(tree->check());
    const std::vector<std::uint64_t> index{3};
    static_cast<void>(tree->prove(index));
  }
  std::filesystem::remove(path());
  return 0;
}
