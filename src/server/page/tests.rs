//! The pages over content in memory.
