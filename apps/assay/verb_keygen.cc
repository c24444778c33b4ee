// `assay keygen`: a key that statements are signed with.
#include <filesystem>
#include <string>

#include "base/file.h"
#include "base/key_file.h"
#include "base/try.h"
#include "program.h"

namespace assay::cli {
namespace {

struct KeygenOptions {
  std::string out;
  bool force = false;
};

ByteSpan bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

Result<int> run_keygen(const KeygenOptions& options, const Console& console) {
  // Names in .pub are handed out.
  if (options.out.ends_with(".pub"))
    return Error{ErrorCode::kMismatch, options.out,
                 "the secret key gets this name, which is one for a public key: leave out the .pub"};
  const auto existing = options.force ? AtomicFile::Existing::kReplace : AtomicFile::Existing::kKeep;
  const SigningKey key = ASSAY_TRY(SigningKey::generate());
  const std::string public_path = options.out + ".pub";
  std::error_code failure;
  if (!options.force && std::filesystem::is_regular_file(public_path, failure))
    return Error{ErrorCode::kMismatch, public_path,
                 "a public key is there: --force replaces it, and it is then lost"};
  // Whether it can be written is known before the secret key is there.
  AtomicFile public_file = ASSAY_TRY(AtomicFile::create(public_path));
  ASSAY_TRY(public_file.write(encode_public_key(key.public_key())));
  const Status written = write_private_file(options.out, bytes_of(encode_signing_key(key)), existing);
  if (!written.ok() && written.error().code == ErrorCode::kMismatch)
    return Error{ErrorCode::kMismatch, options.out,
                 "a key is there: --force replaces it, and it is then lost"};
  ASSAY_TRY(written);
  ASSAY_TRY(public_file.publish());
  const std::string id = to_hex(key_id_of(key.public_key()));
  return console.report(
      {{"key", options.out}, {"public_key", public_path}, {"key_id", id}},
      {options.out + ": the secret key, for you alone",
       public_path + ": the public key, for everybody who checks your signatures", "key id " + id});
}

}  // namespace

namespace {

void add(Program& program, const std::string& name, const std::string& flag) {
  const auto [verb, options] = program.add(name, "Make a key that statements are signed with (Ed25519)",
                                           "assay " + name + " " + flag + " provider.key", run_keygen);
  add_option(verb, flag + " FILE", options.out,
             "the secret key; the public one goes beside it, ending in .pub")
      ->required();
  verb->add_flag("--force", options.force, "replace keys that are there");
}

}  // namespace

void add_keygen(Program& program) { add(program, "keygen", "--out"); }

void add_probe_keygen(Program& program) { add(program, "probe keygen", "--output"); }

}  // namespace assay::cli
