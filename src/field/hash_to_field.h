// Byte strings into field elements by RFC 9380: expand_message_xmd over SHA-256 and hash_to_field.
#pragma once

#include <span>

#include "assay/field.h"

namespace assay {

/// Fills `out`, of 8160 bytes at most, with expand_message_xmd over SHA-256 (RFC 9380, section 5.3.1). A tag,
/// which is not empty, of more than 255 bytes is hashed first (section 5.3.3).
void expand_message_xmd(ByteSpan message, ByteSpan tag, std::span<std::uint8_t> out);

/// hash_to_field (section 5.2) with that: one element of Fr from 48 bytes.
[[nodiscard]] Fr hash_to_field(ByteSpan message, ByteSpan tag);

/// out[i] = hash_to_field of message i, of messages of `size` bytes that lie one behind the other. Hashed
/// side by side, on the calling thread.
void hash_rows_to_field(ByteSpan rows, std::size_t size, ByteSpan tag, std::span<Fr> out);

}  // namespace assay
