-- AlterTable
ALTER TABLE "worker" ADD COLUMN     "trouble" TEXT;
